package io.ringbridge.app;

import io.ringbridge.api.PortView;
import io.ringbridge.config.Config;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.HandOverSections;
import io.ringbridge.control.handover.StateSocket;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.handover.Step;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.Listener;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.Mapping;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.OpenDescriptors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.stream.IntStream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests hand-overs of a switch to another one in this process, which its guests do not notice. */
@Timeout(120)
class UpgradeTest {
    @TempDir
    private Path dir;

    private Config config(final int workers, final String options) {
        return ConfigReader.parse("test", "workers: " + workers + "\nstate: " + dir.resolve("state") + "\nports: ["
            + "{name: a, socket: " + dir.resolve("a") + options + "}, {name: b, socket: " + dir.resolve("b") + options
            + "}]");
    }

    private static Switch start(final Config config) {
        final Switch running = Switch.start(config);
        running.openPorts();
        return running;
    }

    private static long features(final String layout) {
        return Frontend.DEFAULT_FEATURES | Features.of(Features.EVENT_IDX)
            | ("packed".equals(layout) ? Features.of(Features.RING_PACKED) : 0);
    }

    private <T> T handOver(final Switch before, final LocalUpgrade.Taker<T> taker) throws IOException {
        return LocalUpgrade.handOver(dir, before, taker);
    }

    private Switch upgrade(final Switch before, final Config config) throws IOException {
        return LocalUpgrade.run(dir, before, config);
    }

    private static void assertNothingDropped(final Switch running, final TalkingGuests guests) {
        final List<PortView> ports = running.ports().views();
        assertEquals(List.of(Map.of(), Map.of()), ports.stream().map(PortView::drops).toList());
        assertEquals(List.of((long) guests.a.sent(), (long) guests.b.sent()),
            ports.stream().map(PortView::inFrames).toList());
        assertEquals(List.of((long) guests.a.received(), (long) guests.b.received()),
            ports.stream().map(PortView::outFrames).toList());
    }

    @ParameterizedTest
    @CsvSource({"1, split", "2, split", "1, packed", "2, packed"})
    void everyFrameArrivesOnceWhileSwitchesComeAndGo(final int workers, final String layout) throws Exception {
        final Config config = config(workers, "");
        Switch running = start(config);
        try (TalkingGuests guests = new TalkingGuests(dir.resolve("a"), dir.resolve("b"), features(layout))) {
            guests.exchange(10);
            final long descriptors = OpenDescriptors.count();
            guests.talk();
            for (int i = 0; i < 4; i++) {
                guests.awaitMore(500);
                running = upgrade(running, config);
            }
            guests.awaitMore(500);
            guests.finish();
            guests.a.frontend.query(new Message.GetFeatures());
            assertEquals(descriptors, OpenDescriptors.count());
            assertNothingDropped(running, guests);
            assertEquals(List.of("a", "b"), running.fdb().stations().stream().map(station -> station.port()).toList());
            assertEquals(List.of("running", "running"), running.ports().views().stream().map(PortView::state).toList());
        } finally {
            running.close();
        }
        assertFalse(Files.exists(dir.resolve("a")));
    }

    @Test
    void everyFrameArrivesOnceAfterTheNumberOfWorkersHasChanged() throws Exception {
        Switch running = start(config(1, ""));
        try (TalkingGuests guests = new TalkingGuests(dir.resolve("a"), dir.resolve("b"), features("split"))) {
            guests.exchange(10);
            guests.talk();
            for (final int workers : new int[] {3, 1, 2}) {
                running.config().change("{\"workers\": " + workers + "}");
                guests.awaitMore(100);
                running = upgrade(running, config(workers == 3 ? 3 : 1, ""));
                guests.awaitMore(100);
            }
            assertEquals(1, running.workers().views().size(), "as in the file, which has not changed");
            guests.finish();
            assertNothingDropped(running, guests);
        } finally {
            running.close();
        }
    }

    @ParameterizedTest
    @CsvSource({"split", "packed"})
    void suspendedAndStoppedRingsStaySo(final String layout) throws Exception {
        final Config config = config(1, "");
        Switch running = start(config);
        try (TalkingGuests guests = new TalkingGuests(dir.resolve("a"), dir.resolve("b"), features(layout))) {
            guests.exchange(300);
            guests.a.frontend.suspend();
            running.ports().suspend("b");
            for (int i = 0; i < 20; i++) {
                assertTrue(guests.b.send());
            }
            running = upgrade(running, config);
            assertEquals(List.of("suspended", "suspended"),
                running.ports().views().stream().map(PortView::state).toList());
            assertEquals(0, guests.a.frontend.query(new Message.GetStatus()) & 16);
            guests.a.receive();
            assertEquals(300, guests.a.received());
            guests.a.frontend.resume();
            running = upgrade(running, config);
            running.ports().resume("b");
            guests.settle();
            assertEquals(320, guests.a.received());
            guests.a.frontend.stop();
            running = upgrade(running, config);
            guests.a.frontend.start();
            guests.exchange(300);
            assertNothingDropped(running, guests);
        } finally {
            running.close();
        }
    }

    @ParameterizedTest
    @CsvSource({"split", "packed"})
    void ringsThatHaveNotRunStartInTheNewProcess(final String layout) throws Exception {
        final Config config = config(1, "");
        Switch running = start(config);
        running.ports().suspend("a");
        running.ports().suspend("b");
        try (TalkingGuests guests = new TalkingGuests(dir.resolve("a"), dir.resolve("b"), features(layout))) {
            running = upgrade(running, config);
            running.ports().resume("a");
            running.ports().resume("b");
            guests.exchange(300);
            assertNothingDropped(running, guests);
        } finally {
            running.close();
        }
    }

    @ParameterizedTest
    @CsvSource({"split", "packed"})
    void theNewProcessLogsItsWritesToTheGuest(final String layout) throws Exception {
        final Config config = config(1, "");
        Switch running = start(config);
        try (MemFd file = MemFd.create("log", 1 << 20);
             Mapping log = Mapping.map(file.fd(), 0, 1 << 20);
             TalkingGuests guests = new TalkingGuests(dir.resolve("a"), dir.resolve("b"), features(layout))) {
            guests.a.frontend.logTo(file);
            guests.a.frontend.logging(true);
            guests.exchange(10);
            running = upgrade(running, config);
            Memory.zero(log.address(), log.size());
            guests.exchange(10);
            final byte[] bits = new byte[(int) log.size()];
            Memory.copy(log.address(), bits, 0, bits.length);
            assertTrue(IntStream.range(0, bits.length).anyMatch(i -> bits[i] != 0));
            guests.a.frontend.logging(false);
        } finally {
            running.close();
        }
    }

    @Test
    void aWaitingPortIsHandedOverWithItsSocket() throws Exception {
        final Config config = config(1, "");
        Switch running = upgrade(start(config), config);
        try (TalkingGuests guests = new TalkingGuests(dir.resolve("a"), dir.resolve("b"), features("split"))) {
            guests.exchange(10);
            running = upgrade(running, config);
            guests.exchange(10);
        } finally {
            running.close();
        }
    }

    @Test
    void aClientPortDoesNotReconnect() throws Exception {
        final Config config = config(1, ", mode: client");
        try (Listener a = Listener.open(dir.resolve("a"), 0600)) {
            Switch running = start(config);
            try {
                Connection accepted = null;
                while (accepted == null) {
                    accepted = a.accept();
                }
                try (Frontend frontend = Frontend.over(accepted)) {
                    frontend.negotiate(features("split"));
                    running = upgrade(running, config);
                    assertTrue(frontend.query(new Message.GetFeatures()) != 0);
                    assertEquals("connected", running.ports().views().getFirst().state());
                }
            } finally {
                running.close();
            }
        }
    }

    @Test
    void theNewConfigurationIsAppliedWithoutInterruption() throws Exception {
        Switch running = start(config(1, ""));
        running.ports().add("name=c,socket=" + dir.resolve("c"));
        final Config other = ConfigReader.parse("test",
            "workers: 2\nports: [{name: b, socket: " + dir.resolve("b") + ", mtu: 9000}, "
            + "{name: a, socket: " + dir.resolve("a") + "}, {name: d, socket: " + dir.resolve("d") + "}]");
        try (TalkingGuests guests = new TalkingGuests(dir.resolve("a"), dir.resolve("b"), features("split"))) {
            guests.exchange(10);
            for (int i = 0; i < 2; i++) {
                running = upgrade(running, other);
                assertEquals(List.of("a", "b", "c", "d"),
                    running.ports().views().stream().map(PortView::name).toList());
                assertEquals(9000, running.ports().views().get(1).mtu());
                assertEquals(2, running.workers().views().size());
                guests.exchange(10);
            }
            assertTrue(Files.exists(dir.resolve("d")));
        } finally {
            running.close();
        }
        assertFalse(Files.exists(dir.resolve("c")) || Files.exists(dir.resolve("d")));
    }

    private Config vlans(final String a, final String b) {
        return ConfigReader.parse("test",
            "ports: [{name: a, socket: " + dir.resolve("a") + ", " + a + "}, {name: b, socket: "
            + dir.resolve("b") + ", " + b + "}]");
    }

    private static List<String> vlanStations(final Switch running) {
        return running.fdb().stations().stream().map(station -> station.vlan() + " at " + station.port()
            + (station.isStatic() ? " static" : "")).toList();
    }

    @Test
    void stationsAreKeptInTheVlansOfTheirPort() throws Exception {
        final Config config = vlans("vlan: 10", "vlan: 10, trunk: [20, 30-32]");
        Switch running = start(config);
        running.ports().add("name=c,trunk=7+100-200,socket=" + dir.resolve("c"));
        try (TalkingGuests guests = new TalkingGuests(dir.resolve("a"), dir.resolve("b"), features("split"))) {
            guests.exchange(10);
            for (int i = 0; i < 2; i++) {
                running = upgrade(running, config);
                assertEquals(List.of("10 at a", "10 at b"), vlanStations(running));
                running.fdb().add("mac=52:54:00:00:00:77,port=c,vlan=150");
                running = upgrade(running, config);
                assertEquals(List.of("10 at a", "10 at b", "150 at c static"), vlanStations(running));
                assertEquals(1, running.fdb().flush("c", true));
                assertEquals(List.of("7", "100-200"), running.ports().views().get(2).trunk());
                guests.exchange(10);
            }
            running = upgrade(running, vlans("vlan: 10", "vlan: 20"));
            assertEquals(List.of("10 at a"), vlanStations(running));
        } finally {
            running.close();
        }
    }

    @Test
    void anIncompatibleConfigurationIsRefusedAndTheOldSwitchResumes() throws Exception {
        final Config config = config(1, "");
        final String a = "{name: a, socket: " + dir.resolve("a");
        final String b = ", {name: b, socket: " + dir.resolve("b");
        final Map<String, String> wrong = Map.of(
            a + "}", "port b is missing in the configuration",
            a + ", permissions: 0600}" + b + "}", "port a: permissions is 0600 in the configuration, but 0660 in the",
            a + ", mode: client}" + b + "}", "port a: mode is client in the configuration, but server in the running",
            a + "x}" + b + "}", "port a: socket is " + dir.resolve("ax") + " in the configuration, but " + dir,
            a + "}" + b + ", features: [version_1]}", "port b: the front-end has negotiated mrg_rxbuf",
            a + "}" + b + ", mtu: 1000}", "port b: MTU 1500; allowed: 68 to 1000",
            a + "}" + b + "}, {name: c, socket: /nonexistent/c}", "port c: ");
        try (Switch running = start(config);
             TalkingGuests guests = new TalkingGuests(dir.resolve("a"), dir.resolve("b"), features("packed"))) {
            guests.exchange(10);
            final long descriptors = OpenDescriptors.count();
            guests.talk();
            for (final Map.Entry<String, String> each : wrong.entrySet()) {
                final Config other = ConfigReader.parse("test", "ports: [" + each.getKey() + "]");
                final HandOverException refused = assertThrows(HandOverException.class,
                    () -> handOver(running, from -> TakeOver.run(other, from, null)));
                assertTrue(refused.getMessage().startsWith(each.getValue()), refused.getMessage());
                guests.awaitMore(200);
            }
            guests.finish();
            assertNothingDropped(running, guests);
            assertEquals(descriptors, OpenDescriptors.count());
        }
    }

    /** Acts as a new process that exits instead of sending this step. */
    private static Void leaveBefore(final StateSocket from, final Step last) {
        if (last != Step.READY) {
            LocalUpgrade.sendReady(from);
            from.await(Step.SWITCH).close();
            from.await(Step.PORT).close();
            from.await(Step.PORT).close();
            from.await(Step.STATIONS).close();
        }
        if (last != Step.READY && last != Step.PREPARED) {
            from.send(Step.PREPARED);
            from.await(Step.POSITIONS).close();
        }
        if (last == Step.REFUSED) {
            from.refuse("refused by the test");
        }
        from.close();
        return null;
    }

    @ParameterizedTest
    @EnumSource(value = Step.class, names = {"READY", "PREPARED", "TAKEN", "REFUSED"})
    void aNewProcessThatFailsLosesNothing(final Step last) throws Exception {
        final Config config = config(1, "");
        try (Switch running = start(config);
             TalkingGuests guests = new TalkingGuests(dir.resolve("a"), dir.resolve("b"), features("split"))) {
            guests.exchange(10);
            final long descriptors = OpenDescriptors.count();
            guests.talk();
            for (int i = 0; i < 3; i++) {
                final HandOverException failed =
                    assertThrows(HandOverException.class, () -> handOver(running, from -> leaveBefore(from, last)));
                assertEquals(last == Step.REFUSED ? "refused by the test" : "the other process has ended",
                    failed.getMessage());
                guests.awaitMore(200);
            }
            guests.finish();
            assertNothingDropped(running, guests);
            assertEquals(descriptors, OpenDescriptors.count());
            upgrade(running, config).close();
        }
    }

    /** The guest truncates its memory after the new process has mapped everything, before it receives GO. */
    @ParameterizedTest
    @CsvSource({"split", "packed"})
    void aGuestThatTruncatesItsMemoryMeanwhileFailsAlone(final String layout) throws Exception {
        final Config config = config(1, "");
        Switch running = start(config);
        try (TalkingGuests guests = new TalkingGuests(dir.resolve("a"), dir.resolve("b"), features(layout))) {
            guests.exchange(10);
            running = LocalUpgrade.run(dir, running, config, () -> guests.a.ram.file().resize(0));
            assertThrows(IOException.class, () -> {
                while (!Thread.interrupted()) {
                    // requests that arrive before the session notices are answered
                    guests.a.frontend.query(new Message.GetFeatures());
                }
            });
            assertTrue(guests.b.frontend.query(new Message.GetFeatures()) != 0);
            assertEquals("running", running.ports().views().get(1).state());
            try (Frontend again = Frontend.connect(dir.resolve("a"))) {
                assertTrue(again.negotiate(features(layout)) != 0, "the port serves the next front-end");
            }
        } finally {
            running.close();
        }
    }

    /** There is no way back then, so that the failure has to be reported. */
    @ParameterizedTest
    @CsvSource({"true, no threads are left", "false, the other process has ended"})
    void aNewProcessThatFailsAfterTheHandOverIsReported(final boolean refuses, final String why) throws Exception {
        final Config config = config(1, "");
        try (Switch running = start(config)) {
            final SwitchException failed = assertThrows(SwitchException.class, () -> handOver(running, from -> {
                takeAll(from);
                if (refuses) {
                    from.refuse("no threads are left");
                }
                from.close();
                return null;
            }));
            assertEquals("the new process failed after taking over all ports: " + why, failed.getMessage());
            assertThrows(HandOverException.class, () -> handOver(running, from -> leaveBefore(from, Step.PREPARED)));
        }
    }

    private static void takeAll(final StateSocket from) {
        LocalUpgrade.sendReady(from);
        for (final Step step : new Step[] {Step.SWITCH, Step.PORT, Step.PORT, Step.STATIONS}) {
            from.await(step).close();
        }
        from.send(Step.PREPARED);
        from.await(Step.POSITIONS).close();
        from.send(Step.TAKEN);
        from.await(Step.GO).close();
    }

    @Test
    void aFailingOldProcessIsNotTakenOver() throws Exception {
        final Config config = config(1, "");
        final long descriptors = OpenDescriptors.count();
        final Path path = dir.resolve("h");
        for (final boolean wellFormed : new boolean[] {true, false}) {
            try (Listener listener = Listener.open(path, 0600);
                 StateSocket from = new StateSocket(Connection.connect(path));
                 Connection connection = listener.accept()) {
                final StateSocket to = new StateSocket(connection);
                final CompletableFuture<Switch> taking =
                    CompletableFuture.supplyAsync(() -> TakeOver.run(config, from, null));
                to.await(Step.READY).close();
                to.send(Step.SWITCH, new StateWriter().section(HandOverSections.CONFIGURATION,
                    out -> out.text("{}").text("")).raw(new byte[wellFormed ? 0 : 3]));
                connection.shutdown();
                assertThrows(CompletionException.class, taking::join);
            }
            assertFalse(Files.exists(dir.resolve("a")));
        }
        assertEquals(descriptors, OpenDescriptors.count());
    }
}
