package io.ringbridge.app.diagnosis;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.ringbridge.control.backend.Backend;
import io.ringbridge.control.backend.BackendOptions;
import io.ringbridge.control.event.Events;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.frontend.Guest;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.DatapathOptions;
import io.ringbridge.datapath.driver.GuestRam;
import io.ringbridge.datapath.driver.QueuePair;
import io.ringbridge.datapath.driver.QueueShape;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.worker.PollMode;
import io.ringbridge.testkit.Await;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests the diagnosis of guests that do not work, over real sockets, with a clock that the test advances. */
@Timeout(60)
class PortMonitorTest {
    private static final int RAM = 1 << 18;

    @TempDir
    private Path dir;
    private Datapath datapath;
    private GuestPort portA;
    private GuestPort portB;
    private Backend a;
    private Backend b;
    private PortMonitor monitor;
    private long nanos;
    private final ListAppender<ILoggingEvent> log = new ListAppender<>();

    private void start(final PollMode poll) {
        final DatapathOptions options = DatapathOptions.DEFAULT;
        datapath = Datapath.start(new DatapathOptions(1, List.of(), poll, options.fdbCapacity(), options.fdbAgeing()),
            _ -> { });
        portA = datapath.addGuestPort("vm1", 1, 1500);
        portB = datapath.addGuestPort("vm2", 1, 1500);
        a = Backend.open(portA, BackendOptions.server(dir.resolve("a")));
        b = Backend.open(portB, BackendOptions.server(dir.resolve("b")));
        monitor = new PortMonitor(datapath, new Events());
        log.start();
        ((Logger) LoggerFactory.getLogger(Events.class)).addAppender(log);
    }

    @AfterEach
    void end() {
        ((Logger) LoggerFactory.getLogger(Events.class)).detachAppender(log);
        a.close();
        b.close();
        datapath.close();
    }

    /** Advances the clock by one second, and updates the monitor. */
    private void tick() {
        nanos += TimeUnit.SECONDS.toNanos(1);
        monitor.examine(nanos);
    }

    private String whyA() {
        return monitor.problem(portA, a, dir.resolve("a"));
    }

    private String checkA(final String name) {
        return check(portA, a, "a", name);
    }

    /** Returns the result of a check and its text. */
    private String check(final GuestPort port, final Backend link, final String socket, final String name) {
        return monitor.checks(port, link, dir.resolve(socket)).stream().filter(check -> check.name().equals(name))
            .map(check -> check.state().label() + ' ' + check.text()).findFirst().orElseThrow();
    }

    private String whyB() {
        return monitor.problem(portB, b, dir.resolve("b"));
    }

    private List<String> warnings() {
        return log.list.stream().filter(event -> event.getLevel() == Level.WARN)
            .map(event -> event.getLevel() + " " + event.getFormattedMessage()).toList();
    }

    private static byte[] frame(final int to, final int from) {
        final byte[] frame = new byte[60];
        final byte[] addresses = {0x52, 0x54, 0, 0, 0, (byte) to, 0x52, 0x54, 0, 0, 0, (byte) from};
        System.arraycopy(addresses, 0, frame, 0, addresses.length);
        return frame;
    }

    @ParameterizedTest
    @CsvSource({"ADAPTIVE, false", "ADAPTIVE, true", "BUSY, false", "BUSY, true"})
    void memoryThatIsNotSharedIsReportedUntilItIsShared(final PollMode poll, final boolean packed) throws IOException {
        start(poll);
        try (Frontend guest = Frontend.connect(dir.resolve("a")); MemFd copy = MemFd.create("copy", RAM)) {
            guest.negotiate(Frontend.DEFAULT_FEATURES | (packed ? Features.of(Features.RING_PACKED) : 0));
            final GuestRam ram = guest.share(RAM);
            final Message.Region region = new Message.Region(GuestRam.GUEST_ADDRESS, RAM, ram.address(), 0);
            guest.command(new Message.SetMemTable(List.of(region)), copy.fd()); // as if the guest had a private mapping
            final QueuePair pair = guest.addPair(64, 256);
            guest.start();
            tick();
            tick();
            tick();
            assertNull(whyA());
            Await.until(() -> {
                pair.transmitter().transmit(frame(2, 1));
                LockSupport.parkNanos(20_000_000);
                return portA.activity().kicks() >= 5;
            });
            tick();
            tick();
            assertEquals("the guest sends kicks, but its rings stay empty: is its memory shared (share=on)?", whyA());
            assertEquals(List.of("WARN port vm1: " + whyA()), warnings());
            assertEquals("problem " + whyA(), checkA("memory"));

            guest.command(new Message.SetMemTable(List.of(region)), ram.file().fd());
            Await.until(() -> portA.sinceAttached().inFrames() > 0);
            tick();
            assertNull(whyA());
        }
    }

    @Test
    void anIdleGuestIsHealthy() throws IOException {
        start(PollMode.ADAPTIVE);
        try (Guest _ = guest("a")) {
            for (int i = 0; i < 100; i++) {
                tick();
                assertNull(whyA());
            }
        }
        assertEquals(List.of(), warnings());
    }

    @Test
    void theChecksFollowAGuestThatComesUp() throws IOException {
        start(PollMode.BUSY);
        assertTrue(checkA("socket").startsWith("ok " + dir.resolve("a") + " exists: "), checkA("socket"));
        assertEquals("problem no front-end is attached: start the virtual machine with the options of "
            + "\"ringbridge attach vm1\"", checkA("front-end"));
        assertEquals("unknown no front-end is attached", checkA("driver"));
        assertEquals("unknown none is started yet", checkA("rings"));
        assertEquals("unknown no ring uses the guest's memory yet", checkA("memory"));
        try (Guest one = guest("a"); Guest two = guest("b")) {
            assertTrue(checkA("front-end").matches("ok process " + ProcessHandle.current().pid()
                + " \\(.+\\) attached at .*Z"),
                checkA("front-end"));
            assertEquals("ok it has negotiated features", checkA("driver"));
            assertEquals("ok 2 started, 2 of them enabled", checkA("rings"));
            assertTrue(checkA("memory").startsWith("unknown 1 region, "), checkA("memory"));
            assertEquals("unknown no frame was sent to the guest yet", checkA("receive buffers"));
            send(portA, one.queues(), frame(2, 1));
            send(portB, two.queues(), frame(1, 2));
            Await.until(() -> portA.statistics().outFrames() > 0);
            assertTrue(checkA("memory").startsWith("ok 1 region, "), checkA("memory"));
            assertEquals("ok the guest provides them", checkA("receive buffers"));
            assertTrue(checkA("frames").startsWith("ok 1 frames in, "), checkA("frames"));
            assertEquals("ok none", checkA("drops"));
            assertEquals("ok 1500", checkA("mtu"));
        }
        Files.delete(dir.resolve("b"));
        assertTrue(check(portB, b, "b", "socket").startsWith("problem " + dir.resolve("b") + " does not exist: "));
    }

    @Test
    void duplicateAddressesAndMissingBuffersAreReported() throws IOException {
        start(PollMode.ADAPTIVE);
        try (Guest one = guest("a"); Guest two = guest("b")) {
            final QueuePair first = one.queues();
            final QueuePair second = two.queues();
            tick();
            for (int i = 1; i <= 14; i++) {
                final long moved = portB.statistics().inFrames();
                send(portA, first, frame(9, 1));
                second.transmitter().transmit(frame(9, 1));
                Await.until(() -> portB.statistics().inFrames() > moved);
            }
            tick();
            assertEquals("52:54:00:00:00:01 moves between vm1 and vm2 (27 times in 10 s): "
                + "do two guests use this address?",
                whyA());
            assertEquals(whyA(), whyB());
            assertEquals("problem " + whyA(), checkA("address"));
            tick();
            assertEquals(List.of("WARN port vm1: " + whyA(), "WARN port vm2: " + whyA()), warnings());
            for (int i = 0; i < 11; i++) {
                tick();
            }
            assertNull(whyA());

            for (int i = 0; i < 100; i++) { // more than the 64 buffers of vm2
                send(portA, first, frame(9, 3));
            }
            for (int i = 0; i < 5; i++) {
                final long dropped = withoutBuffer();
                send(portA, first, frame(9, 3));
                Await.until(() -> withoutBuffer() > dropped);
                tick();
            }
            assertTrue(whyB().startsWith("the guest provides no receive buffers, and "), whyB());
            assertEquals("problem " + whyB(), check(portB, b, "b", "receive buffers"));
            assertTrue(check(portB, b, "b", "drops").startsWith("problem no-buffer "), check(portB, b, "b", "drops"));
            assertNull(whyA());
            while (second.receiver().poll()) {
                Thread.onSpinWait();
            }
            second.receiver().flush();
            send(portA, first, frame(9, 3));
            tick();
            assertNull(whyB());
            assertEquals(3, warnings().size(), warnings().toString());
        }
    }

    private Guest guest(final String socket) throws IOException {
        return Guest.attach(dir.resolve(socket), Frontend.DEFAULT_FEATURES, new QueueShape(64, 256));
    }

    /** Sends a frame, and waits until the switch has taken it. */
    private static void send(final GuestPort port, final QueuePair pair, final byte[] frame) {
        final long before = port.statistics().inFrames();
        Await.until(() -> pair.transmitter().transmit(frame));
        Await.until(() -> port.statistics().inFrames() > before);
    }

    @Test
    void aPortWithoutAFrontEndReportsWhoMayConnect() throws IOException {
        start(PollMode.ADAPTIVE);
        final String user = Files.getOwner(dir).getName();
        Files.setPosixFilePermissions(dir, PosixFilePermissions.fromString("rwxr-x--x"));
        final String group = Files.readAttributes(dir, PosixFileAttributes.class).group().getName();
        final String path = "no front-end has connected to " + dir.resolve("a") + ": ";
        assertEquals(path + "user " + user + " and group " + group + " (rw-rw----) may connect", whyA());
        Files.setPosixFilePermissions(dir, PosixFilePermissions.fromString("rwx------"));
        assertEquals(path + "user " + user + " and group " + group + " (rw-rw----) may connect, but only user " + user
            + " (rwx------) may enter " + dir, whyA());
        Files.setPosixFilePermissions(dir.resolve("b"), PosixFilePermissions.fromString("rw-rw-rw-"));
        Files.setPosixFilePermissions(dir, PosixFilePermissions.fromString("rwxr-xr-x"));
        assertTrue(whyB().endsWith(": everybody may connect"), whyB());
        try (Frontend _ = Frontend.connect(dir.resolve("a"))) {
            Await.until(() -> whyA() == null);
            tick();
            tick();
            tick();
            assertTrue(whyA().startsWith("the guest's driver has not started: "), whyA());
        }
        Await.until(() -> whyA().startsWith("no front-end has connected"));
        Files.delete(dir.resolve("a"));
        assertEquals(path + "the socket's file was removed, so nobody can connect; remove the port and add it again",
            whyA());
        final GuestPort port = datapath.addGuestPort("vm3", 1, 1500);
        try (Backend client = Backend.open(port, BackendOptions.client(dir.resolve("c")))) {
            Await.until(() -> client.connectError() != null);
            assertTrue(monitor.problem(port, client, dir.resolve("c"))
                .startsWith("no front-end listens on " + dir.resolve("c") + ": "));
        }
    }

    private long withoutBuffer() {
        return portB.statistics().drops().getOrDefault(DropReason.NO_BUFFER, 0L);
    }
}
