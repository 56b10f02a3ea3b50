package io.ringbridge.bench;

import com.fasterxml.jackson.databind.JsonNode;
import io.ringbridge.bench.machine.Await;
import io.ringbridge.bench.machine.Machine;
import io.ringbridge.bench.peer.SwitchConfig;
import io.ringbridge.bench.peer.SwitchProcess;
import io.ringbridge.bench.peer.Testpmd;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Sends a million frames through the switch, with DPDK's virtio-user as the guests. All frames must arrive unchanged
 * and in order.
 *
 * <p>One testpmd reads frames from a file, sends them through one port of the switch, receives them at the other, and
 * writes them to a file. It sends fewer frames in the other direction. One thread sends and receives alternately, with
 * at most {@link #IN_FLIGHT} frames in a transmit ring. The receive rings are larger, so they cannot overflow however
 * the two processes are scheduled. A missing frame was therefore lost by the switch.
 */
class TestpmdIT {
    private static final int FRAMES = 1_000_000;
    private static final int FRAMES_BACK = 50_000;
    private static final long FILE_BYTES = 2L * 550 * (FRAMES + FRAMES_BACK);
    private static final int IN_FLIGHT = 128;
    private static final long SEED = 20_250_916;
    private static final String MAC_A = "52:54:00:00:00:a0";
    private static final String MAC_B = "52:54:00:00:00:b0";
    private static final Duration ATTACH_LIMIT = Duration.ofSeconds(20);
    private static final Duration RUN_LIMIT = Duration.ofSeconds(90);
    private static final int FILE_A = 0;
    private static final int FILE_B = 3;

    private static Path directory;
    private static SwitchProcess ringbridge;

    /** The options of testpmd's two devices. */
    record Variant(boolean packed, boolean mergeable, boolean inOrder, int queueSize, boolean listens) {
        String options() {
            return ",packed_vq=" + bit(packed) + ",mrg_rxbuf=" + bit(mergeable) + ",in_order=" + bit(inOrder)
                + ",queue_size=" + queueSize + (listens ? ",server=1" : "");
        }

        private static int bit(final boolean value) {
            return value ? 1 : 0;
        }
    }

    static Stream<Variant> variants() {
        final List<Variant> variants = new ArrayList<>();
        for (final boolean packed : List.of(false, true)) {
            for (final boolean mergeable : List.of(true, false)) {
                for (final boolean inOrder : List.of(true, false)) {
                    for (final int queueSize : List.of(256, 1024)) {
                        variants.add(new Variant(packed, mergeable, inOrder, queueSize, false));
                    }
                }
            }
            variants.add(new Variant(packed, true, true, 256, true));
        }
        variants.add(new Variant(false, false, false, 1024, true));
        return variants.stream();
    }

    @BeforeAll
    static void start() throws IOException {
        Required.programs(Testpmd.PROGRAM, "stdbuf");
        directory = Machine.temporaryDirectory(FILE_BYTES);
        Traffic.write(directory.resolve("a.pcap"), FRAMES, MAC_A, MAC_B, SEED);
        Traffic.write(directory.resolve("b.pcap"), FRAMES_BACK, MAC_B, MAC_A, SEED + 1);
        ringbridge = SwitchProcess.start(new SwitchConfig().server("a").server("b").client("c").client("d"));
    }

    @AfterAll
    static void end() {
        if (ringbridge != null) {
            ringbridge.close();
        }
        if (directory != null) {
            Machine.delete(directory);
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void aMillionFramesArriveUnchangedAndInOrder(final Variant variant) throws IOException {
        carry(variant);
    }

    @Test
    void anotherFrontEndCanAttachAfterAKill() throws IOException {
        final Variant variant = new Variant(false, true, true, 256, false);
        try (Testpmd first = attach(variant)) {
            first.kill();
        }
        carry(variant);
        assertTrue(ringbridge.isAlive());
    }

    private static void carry(final Variant variant) throws IOException {
        final long counted;
        try (Testpmd testpmd = attach(variant)) {
            final long before = delivered(variant);
            testpmd.command("set fwd io retry");
            testpmd.command("set burst tx delay 1 retry 10000000");
            testpmd.command("start");
            final boolean done = Await.holds(RUN_LIMIT, () -> testpmd.statistics(FILE_B).txPackets() >= FRAMES
                && testpmd.statistics(FILE_A).txPackets() >= FRAMES_BACK);
            final String last = done ? "" : testpmd.command("show port stats all");
            testpmd.command("stop");
            assertTrue(done, () -> "frames are missing; testpmd:\n" + last + "\nports of the switch:\n"
                + ringbridge.show("ports"));
            counted = delivered(variant) - before;
            testpmd.quit();
        }
        Traffic.assertSame(directory.resolve("a.pcap"), directory.resolve("b-out.pcap"));
        Traffic.assertSame(directory.resolve("b.pcap"), directory.resolve("a-out.pcap"));
        assertEquals(FRAMES + FRAMES_BACK, counted, "frames out, by the switch's own counters");
    }

    /** Starts testpmd on two ports, and waits until the switch reports them as running. */
    private static Testpmd attach(final Variant variant) throws IOException {
        Files.deleteIfExists(directory.resolve("a-out.pcap"));
        Files.deleteIfExists(directory.resolve("b-out.pcap"));
        final List<String> ports = ports(variant);
        if (variant.listens()) {
            // testpmd cannot listen on an existing path, and a killed testpmd leaves its sockets behind.
            Files.deleteIfExists(ringbridge.socket(ports.get(0)));
            Files.deleteIfExists(ringbridge.socket(ports.get(1)));
        }
        final List<Integer> cpus = Machine.cpus();
        final Testpmd testpmd = new Testpmd.Builder("ringbridge-it", cpus.getLast())
            .device(Testpmd.pcap(0, directory.resolve("a.pcap"), directory.resolve("a-out.pcap")))
            .device(Testpmd.virtioUser(0, ringbridge.socket(ports.get(0)), MAC_A, variant.options()))
            .device(Testpmd.virtioUser(1, ringbridge.socket(ports.get(1)), MAC_B, variant.options()))
            .device(Testpmd.pcap(1, directory.resolve("b.pcap"), directory.resolve("b-out.pcap")))
            .option("--no-flush-rx").option("--port-topology=paired").option("--txd=" + IN_FLIGHT)
            .start();
        try {
            ringbridge.awaitState("running", ATTACH_LIMIT, ports.toArray(String[]::new));
        } catch (final RuntimeException e) {
            testpmd.close();
            throw e;
        }
        return testpmd;
    }

    private static List<String> ports(final Variant variant) {
        return variant.listens() ? List.of("c", "d") : List.of("a", "b");
    }

    private static long delivered(final Variant variant) {
        long frames = 0;
        for (final JsonNode port : ringbridge.show("ports")) {
            if (ports(variant).contains(port.path("name").asText())) {
                frames += port.path("out_frames").asLong();
            }
        }
        return frames;
    }
}
