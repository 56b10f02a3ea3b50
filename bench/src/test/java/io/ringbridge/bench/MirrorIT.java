package io.ringbridge.bench;

import com.fasterxml.jackson.databind.JsonNode;
import io.ringbridge.bench.machine.Await;
import io.ringbridge.bench.machine.Machine;
import io.ringbridge.bench.peer.Program;
import io.ringbridge.bench.peer.SwitchConfig;
import io.ringbridge.bench.peer.SwitchProcess;
import io.ringbridge.bench.peer.Testpmd;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * A mirror of what one guest of DPDK sends to another. A third guest receives each frame, unchanged and in order, and
 * what it sends itself reaches nobody.
 */
class MirrorIT {
    private static final int FRAMES = 200_000;
    private static final int STRAY = 10;
    private static final int IN_FLIGHT = 128;
    private static final long FILE_BYTES = 3L * 550 * FRAMES;
    private static final String MAC_A = "52:54:00:00:00:a0";
    private static final String MAC_B = "52:54:00:00:00:b0";
    private static final String MAC_M = "52:54:00:00:00:c0";
    private static final Duration LIMIT = Duration.ofSeconds(90);
    /** The numbers that testpmd gives to the files behind the ports. */
    private static final int FILE_B = 3;
    private static final int FILE_M = 5;

    private Path directory;
    private SwitchProcess ringbridge;

    @BeforeEach
    void start() throws IOException {
        Required.programs(Testpmd.PROGRAM, "stdbuf");
        directory = Machine.temporaryDirectory(FILE_BYTES);
        Traffic.write(file("a.pcap"), FRAMES, MAC_A, MAC_B, 1);
        Traffic.write(file("b.pcap"), 1, MAC_B, MAC_A, 2);
        Traffic.write(file("m.pcap"), STRAY, MAC_M, MAC_A, 3);
        ringbridge = SwitchProcess.start(new SwitchConfig().server("a").server("b").server("m"));
    }

    @AfterEach
    void end() {
        if (ringbridge != null) {
            ringbridge.close();
        }
        if (directory != null) {
            Machine.delete(directory);
        }
    }

    private Path file(final String name) {
        return directory.resolve(name);
    }

    private void ringbridge(final String... arguments) {
        final String[] command = new String[arguments.length + 3];
        command[0] = SwitchProcess.launcher().toString();
        System.arraycopy(arguments, 0, command, 1, arguments.length);
        command[arguments.length + 1] = "--api";
        command[arguments.length + 2] = ringbridge.api().toString();
        Program.run(LIMIT, command);
    }

    @ParameterizedTest
    @CsvSource({"0, 1", "1, 0"})
    void theDestinationReceivesEveryFrameOfTheSenderAndSendsNone(final int packed, final int mergeable)
        throws IOException {
        ringbridge("mirror", "add", "watch", "--from", "a", "--direction", "in", "--to", "m");
        final String options = ",queue_size=1024,packed_vq=" + packed + ",mrg_rxbuf=" + mergeable;
        try (Testpmd testpmd = new Testpmd.Builder("ringbridge-mirror", Machine.cpus().getLast())
            .device(Testpmd.pcap(0, file("a.pcap"), file("a-out.pcap")))
            .device(Testpmd.virtioUser(0, ringbridge.socket("a"), MAC_A, options))
            .device(Testpmd.virtioUser(1, ringbridge.socket("b"), MAC_B, options))
            .device(Testpmd.pcap(1, file("b.pcap"), file("b-out.pcap")))
            .device(Testpmd.virtioUser(2, ringbridge.socket("m"), MAC_M, options))
            .device(Testpmd.pcap(2, file("m.pcap"), file("m-out.pcap")))
            .option("--no-flush-rx").option("--port-topology=paired").option("--txd=" + IN_FLIGHT).start()) {
            ringbridge.awaitState("running", LIMIT, "a", "b", "m");
            testpmd.command("set fwd io retry");
            testpmd.command("set burst tx delay 1 retry 10000000");
            testpmd.command("start");
            final boolean done = Await.holds(LIMIT, () -> testpmd.statistics(FILE_B).txPackets() >= FRAMES
                && testpmd.statistics(FILE_M).txPackets() >= FRAMES);
            final JsonNode mirror = ringbridge.show("mirrors").path(0);
            testpmd.command("stop");
            assertTrue(done, () -> "frames are missing: " + mirror + ringbridge.show("ports"));
            assertEquals(FRAMES, mirror.path("frames").asInt(), mirror.toString());
            assertTrue(mirror.path("drops").isEmpty(), mirror.toString());
            testpmd.quit();
        }
        Traffic.assertSame(file("a.pcap"), file("b-out.pcap"));
        Traffic.assertSame(file("a.pcap"), file("m-out.pcap"));
        Traffic.assertSame(file("b.pcap"), file("a-out.pcap"));
        assertEquals(STRAY, ringbridge.port("m").path("drops").path("mirror-destination").asInt());
        ringbridge("mirror", "remove", "watch");
        assertEquals(0, ringbridge.show("mirrors").size());
    }
}
