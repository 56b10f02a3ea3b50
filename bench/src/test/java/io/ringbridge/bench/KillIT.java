package io.ringbridge.bench;

import io.ringbridge.bench.harness.GuestImage;
import io.ringbridge.bench.harness.QemuGuest;
import io.ringbridge.bench.machine.Await;
import io.ringbridge.bench.machine.Machine;
import io.ringbridge.bench.machine.ProjectRoot;
import io.ringbridge.bench.peer.SwitchConfig;
import io.ringbridge.bench.peer.SwitchProcess;
import io.ringbridge.bench.peer.Testpmd;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Kills the switch under traffic and starts it again. It must resume with front-ends that only notice the end of their
 * connection. The duration of each interruption is appended to {@code target/kill.txt}. {@code -Dkills=N} kills the
 * switch N times.
 */
class KillIT {
    private static final String MAC_A = "52:54:00:00:00:a0";
    private static final String MAC_B = "52:54:00:00:00:b0";
    private static final String ADDRESS_A = "10.77.0.1";
    private static final String ADDRESS_B = "10.77.0.2";
    private static final Duration LIMIT = Duration.ofMinutes(2);
    private static final int KILLS = Integer.getInteger("kills", 1);
    private static final int MORE = 10_000;
    /** Entries of a QEMU queue. */
    private static final int RING = 256;
    private static final int UNSEEN = 16;

    private SwitchProcess ringbridge;

    @AfterEach
    void end() {
        if (ringbridge != null) {
            ringbridge.close();
        }
    }

    @ParameterizedTest(name = "packed: {0}")
    @ValueSource(booleans = {false, true})
    void listeningDevicesReconnectAndResume(final boolean packed) throws IOException {
        Required.programs(Testpmd.PROGRAM, "stdbuf");
        ringbridge = SwitchProcess.start(new SwitchConfig().keepState().client("c").client("d"));
        final String options = ",server=1,packed_vq=" + (packed ? 1 : 0) + ",queue_size=256";
        try (Testpmd testpmd = new Testpmd.Builder("ringbridge-kill", Machine.cpus().getLast())
            .device(Testpmd.virtioUser(0, ringbridge.socket("c"), MAC_A, options))
            .device(Testpmd.virtioUser(1, ringbridge.socket("d"), MAC_B, options))
            .start()) {
            ringbridge.awaitState("running", LIMIT, "c", "d");
            testpmd.command("start tx_first 1");
            assertMoves(testpmd, "before a kill");
            for (int kill = 1; kill <= KILLS; kill++) {
                final long killed = System.nanoTime();
                ringbridge.killAndRestart();
                Await.until("testpmd to accept the new switch", LIMIT, () -> {
                    // testpmd detects a closed connection when it queries the link.
                    testpmd.command("show port summary all");
                    return ringbridge.hasState("running", "c", "d");
                });
                // A started ring that is not enabled yet discards its frames, so the frames in flight are lost.
                testpmd.command("stop");
                testpmd.command("start tx_first 1");
                assertMoves(testpmd, "after kill " + kill);
                report("testpmd, " + (packed ? "packed" : "split") + ", kill " + kill + ": frames moved again after "
                    + TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - killed) + " ms");
            }
        }
    }

    private void assertMoves(final Testpmd testpmd, final String when) {
        final long forward = testpmd.statistics(1).rxPackets();
        final long back = testpmd.statistics(0).rxPackets();
        final boolean moves = Await.holds(LIMIT,
            () -> testpmd.statistics(1).rxPackets() > forward + MORE
                && testpmd.statistics(0).rxPackets() > back + MORE);
        assertTrue(moves, () -> when + ": no frames move; testpmd:\n" + testpmd.command("show port stats all")
            + "\nlog and queues of the switch:\n" + ringbridge.output().tail() + ringbridge.show("queues"));
    }

    /**
     * For a packed ring, QEMU sends the positions from its start instead of the current ones, so the switch must
     * restore its own.
     */
    @ParameterizedTest(name = "packed: {0}")
    @ValueSource(booleans = {false, true})
    void aStreamBetweenGuestsResumes(final boolean packed) throws IOException {
        betweenGuests(packed, (a, b) -> {
            final Conversation conversation = new Conversation(a, ADDRESS_B);
            for (int kill = 1; kill <= KILLS; kill++) {
                conversation.startPing();
                conversation.startStream(b, 8);
                conversation.startLoad(b);
                ringbridge.killAndRestart();
                ringbridge.awaitState("running", LIMIT, "a", "b");
                try {
                    conversation.assertStream(b);
                } catch (final AssertionError e) {
                    throw new AssertionError("after kill " + kill + ": " + e.getMessage()
                        + "\nlog and queues of the switch:\n"
                        + ringbridge.output().tail() + ringbridge.show("queues"), e);
                }
                final int silence = conversation.endLoad();
                report((packed ? "packed" : "split") + ", kill " + kill + ": no data from iperf3 for " + silence
                    + " ms, "
                    + conversation.endPing());
            }
        });
    }

    /**
     * A guest transmits while the switch hangs. When the connection ends, QEMU finds the pending kick, and completes
     * the buffers that it considers available. In a packed ring QEMU starts at the position from the ring's start,
     * which is not the guest's current position. Here QEMU's position is among the frames that the switch has not seen,
     * where the harm is greatest.
     */
    @ParameterizedTest(name = "packed: {0}")
    @ValueSource(booleans = {false, true})
    void buffersCompletedByQemuAreSkipped(final boolean packed) throws IOException {
        betweenGuests(packed, (a, b) -> {
            a.awaitPing(ADDRESS_B);
            a.console().check("arp -s " + ADDRESS_B + " " + MAC_B, LIMIT);
            b.console().check("arp -s " + ADDRESS_A + " " + MAC_A, LIMIT);
            final int before = 2 * RING - UNSEEN / 2 - ringbridge.port("a").path("in_frames").asInt();
            a.console().check("ping -c " + before + " -i 0.005 " + ADDRESS_B, LIMIT);
            assertEquals(2 * RING - UNSEEN / 2, ringbridge.port("a").path("in_frames").asInt());
            ringbridge.hang();
            a.console().run("ping -c " + UNSEEN + " -i 0.005 -W 1 " + ADDRESS_B, LIMIT);
            ringbridge.killAndRestart();
            ringbridge.awaitState("running", LIMIT, "a", "b");
            a.awaitPing(ADDRESS_B);
            a.console().run("ping -c " + 2 * RING + " -i 0.005 " + ADDRESS_B, LIMIT);
            final boolean answers = a.console().run("ping -c 1 -W 5 " + ADDRESS_B, LIMIT).status() == 0;
            assertTrue(answers, () -> "the queue is stuck; log and queues of the switch:\n" + ringbridge.output().tail()
                + ringbridge.show("queues"));
        });
    }

    /**
     * Packed rings do not contain the device's positions. The configuration does not set the directory that stores
     * them.
     */
    @ParameterizedTest(name = "killed: {0}")
    @ValueSource(booleans = {false, true})
    void guestsAnswerAgainWithTheDefaultConfiguration(final boolean killed) throws IOException {
        final SwitchConfig config = new SwitchConfig().keepStateByDefault().server("a", 2)
            .server("b", 2);
        betweenGuests(config, ",packed=on", 2, (a, b) -> {
            a.awaitPing(ADDRESS_B);
            a.console().check("ping -c 300 -i 0.005 " + ADDRESS_B, LIMIT); // so that the rings have wrapped
            final long stopped = System.nanoTime();
            if (killed) {
                ringbridge.killAndRestart();
            } else {
                ringbridge.stopAndRestart();
            }
            ringbridge.awaitState("running", LIMIT, "a", "b");
            a.awaitPing(ADDRESS_B);
            report("packed, 2 queue pairs, defaults, " + (killed ? "killed" : "stopped") + ": answers again after "
                + TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - stopped) + " ms");
            a.console().check("ping -c 300 -i 0.005 -W 1 " + ADDRESS_B, LIMIT);
            b.console().check("ping -c 300 -i 0.005 -W 1 " + ADDRESS_A, LIMIT);
        });
    }

    /** The traffic between two guests, the first of which sends. */
    private interface Scenario {
        void run(QemuGuest a, QemuGuest b) throws IOException;
    }

    private void betweenGuests(final boolean packed, final Scenario scenario) throws IOException {
        final SwitchConfig config = new SwitchConfig().keepState().server("a").server("b");
        betweenGuests(config, packed ? ",packed=on" : "", 1, scenario);
    }

    private void betweenGuests(final SwitchConfig config, final String device, final int pairs,
        final Scenario scenario)
        throws IOException {
        Required.programs(QemuGuest.PROGRAM);
        Required.programs(GuestImage.PROGRAMS.toArray(String[]::new));
        final GuestImage image = Required.resource("guest image",
            () -> GuestImage.create(ProjectRoot.target().resolve("guest")));
        final Path directory = Machine.temporaryDirectory(0);
        ringbridge = SwitchProcess.start(config.set("poll", "adaptive"));
        try (QemuGuest a = QemuGuest.start(spec("guest-a", MAC_A, ADDRESS_A, "a", pairs, device), image, directory);
             QemuGuest b = QemuGuest.boot(spec("guest-b", MAC_B, ADDRESS_B, "b", pairs, device), image, directory)) {
            a.awaitBoot();
            ringbridge.awaitState("running", LIMIT, "a", "b");
            scenario.run(a, b);
        } finally {
            Machine.delete(directory);
        }
    }

    private QemuGuest.Spec spec(final String name, final String mac, final String address, final String port,
        final int pairs, final String device) {
        return new QemuGuest.Spec(name, mac, address, ringbridge.socket(port), pairs, device);
    }

    private static void report(final String line) throws IOException {
        Files.writeString(ProjectRoot.target().resolve("kill.txt"), line + "\n", StandardOpenOption.CREATE,
            StandardOpenOption.APPEND);
    }
}
