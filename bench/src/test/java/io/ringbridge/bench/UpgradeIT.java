package io.ringbridge.bench;

import com.fasterxml.jackson.databind.JsonNode;
import io.ringbridge.bench.machine.Await;
import io.ringbridge.bench.machine.Machine;
import io.ringbridge.bench.peer.Program;
import io.ringbridge.bench.peer.SwitchConfig;
import io.ringbridge.bench.peer.SwitchProcess;
import io.ringbridge.bench.peer.Testpmd;
import io.ringbridge.bench.peer.Testpmd.Statistics;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Upgrades the switch while DPDK's testpmd circulates a fixed number of frames between two ports. A lost frame stays
 * missing, and the log shows every closed connection. {@code -Dupgrades=N} upgrades the switch N times.
 */
class UpgradeIT {
    private static final String MAC_A = "52:54:00:00:00:a0";
    private static final String MAC_B = "52:54:00:00:00:b0";
    private static final int QUEUE_SIZE = 1024;
    private static final int BURSTS = 8;
    private static final int UPGRADES = Integer.getInteger("upgrades", 1);
    private static final long FRAMES_BETWEEN = 100_000;
    private static final Duration ATTACH_LIMIT = Duration.ofSeconds(20);
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final int PINGS_BETWEEN = 200;
    private static final Pattern SEQUENCE = Pattern.compile("icmp_seq=(\\d+)");
    private static final Pattern ATTACHED = Pattern.compile("port \\w+: attached to");
    private static final Pattern DETACHED = Pattern.compile("port \\w+: detached");

    @BeforeAll
    static void requirePrograms() {
        Required.programs(Testpmd.PROGRAM, "stdbuf");
    }

    @ParameterizedTest
    @CsvSource({"split, 1", "packed, 1", "split, 2"})
    void noFrameIsLostAndNoFrontEndReconnects(final String layout, final int workers) {
        try (SwitchProcess ringbridge = SwitchProcess.start(new SwitchConfig().server("a").server("b")
            .set("workers", workers));
             Testpmd testpmd = attach(ringbridge, "packed".equals(layout))) {
            circulate(testpmd);
            for (int i = 0; i < UPGRADES; i++) {
                final long pid = ringbridge.pid();
                final JsonNode upgraded = ringbridge.upgrade();
                System.out.printf("upgrade of %s rings with %d workers: no frame moved for %.1f ms%n", layout, workers,
                    upgraded.path("pause_millis").asDouble());
                assertNotEquals(pid, ringbridge.pid());
                assertEquals(2, upgraded.path("ports").asInt());
                awaitMore(testpmd, ringbridge);
            }
            testpmd.command("stop");
            assertTrue(missing(testpmd) > 0, "frames are circulating");
            assertTrue(Await.holds(LIMIT, () -> drain(testpmd)), () -> missing(testpmd)
                + " frames are lost; ports of the switch:\n"
                + ringbridge.show("ports"));
            for (final JsonNode port : ringbridge.show("ports")) {
                assertTrue(port.path("drops").isEmpty(), port::toString);
            }
            final String log = ringbridge.output().since(0);
            assertEquals(2, ATTACHED.matcher(log).results().count(), log);
            assertFalse(DETACHED.matcher(log).find(), log);
            testpmd.quit();
        }
    }

    /**
     * The new process inherits the tap's queues, with the frames that the kernel has put there, and the guest's rings.
     */
    @Test
    void noPingIsLostAtATap() throws Exception {
        Required.programs("ping");
        try (NetworkNamespace namespace = NetworkNamespace.create("upgrade")) {
            namespace.run("ip", "tuntap", "add", "dev", "tap0", "mode", "tap");
            namespace.run("ip", "addr", "add", "10.78.0.1/24", "dev", "tap0");
            try (SwitchProcess ringbridge = SwitchProcess.start(new SwitchConfig().inNamespace(namespace.name())
                     .set("poll", "adaptive").server("a").tap("up", "tap0"));
                 Station guest = new Station(ringbridge, "a", 2);
                 Program ping = namespace.start("ping", "-i", "0.005", "10.78.0.2")) {
                final Thread answering = Thread.ofPlatform().daemon().start(() -> guest.answerWhile(ping::isAlive));
                for (int i = 0; i < UPGRADES; i++) {
                    awaitAnswers(ping);
                    System.out.printf("upgrade with a tap: no frame moved for %.1f ms%n",
                        ringbridge.upgrade().path("pause_millis").asDouble());
                }
                awaitAnswers(ping);
                ping.signal("INT");
                ping.awaitExit(LIMIT);
                answering.join();
                final String output = ping.output().since(0);
                assertEquals(IntStream.rangeClosed(1, answers(ping)).boxed().toList(),
                    SEQUENCE.matcher(output).results().map(match -> Integer.valueOf(match.group(1))).toList(), output);
                assertEquals("running", ringbridge.port("up").path("state").asText());
            }
        }
    }

    private static int answers(final Program ping) {
        return (int) SEQUENCE.matcher(ping.output().since(0)).results().count();
    }

    private static void awaitAnswers(final Program ping) {
        final int before = answers(ping);
        Await.until("answers", LIMIT, () -> answers(ping) > before + PINGS_BETWEEN);
    }

    private static Testpmd attach(final SwitchProcess ringbridge, final boolean packed) {
        final String options = ",packed_vq=" + (packed ? 1 : 0) + ",mrg_rxbuf=1,in_order=0,queue_size=" + QUEUE_SIZE;
        final Testpmd testpmd = new Testpmd.Builder("ringbridge-upgrade", Machine.cpus().getLast()).memory(256, 16384)
            .device(Testpmd.virtioUser(0, ringbridge.socket("a"), MAC_A, options))
            .device(Testpmd.virtioUser(1, ringbridge.socket("b"), MAC_B, options))
            .option("--txd=" + QUEUE_SIZE).option("--rxd=" + QUEUE_SIZE)
            .option("--eth-peer=0," + MAC_B).option("--eth-peer=1," + MAC_A).option("--forward-mode=io")
            .start();
        try {
            ringbridge.awaitState("running", ATTACH_LIMIT, "a", "b");
        } catch (final RuntimeException e) {
            testpmd.close();
            throw e;
        }
        return testpmd;
    }

    /** Starts the circulation: testpmd forwards each frame to the other port. */
    private static void circulate(final Testpmd testpmd) {
        testpmd.command("clear port stats all");
        testpmd.command("start tx_first " + BURSTS);
        Await.until("frames to circulate", LIMIT, () -> received(testpmd) > FRAMES_BETWEEN);
    }

    private static void awaitMore(final Testpmd testpmd, final SwitchProcess ringbridge) {
        final long before = received(testpmd);
        assertTrue(Await.holds(LIMIT, () -> received(testpmd) - before > FRAMES_BETWEEN),
            () -> "frames no longer circulate; log of the switch:\n" + ringbridge.output().tail());
    }

    private static long received(final Testpmd testpmd) {
        return testpmd.allStatistics().stream().mapToLong(Statistics::rxPackets).sum();
    }

    private static long missing(final Testpmd testpmd) {
        final List<Statistics> ports = testpmd.allStatistics();
        return ports.stream().mapToLong(port -> port.txPackets() - port.rxPackets()).sum();
    }

    /**
     * Empties the receive rings, which testpmd does first when it starts forwarding.
     *
     * @return whether no frame is missing afterwards
     */
    private static boolean drain(final Testpmd testpmd) {
        testpmd.command("start");
        testpmd.command("stop");
        return missing(testpmd) == 0;
    }
}
