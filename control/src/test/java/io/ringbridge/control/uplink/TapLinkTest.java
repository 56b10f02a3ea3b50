package io.ringbridge.control.uplink;

import io.ringbridge.control.event.Events;
import io.ringbridge.control.event.PortEvents;
import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.DatapathOptions;
import io.ringbridge.datapath.os.NetDevice;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.os.Tap;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.port.UplinkPort;
import io.ringbridge.testkit.Await;
import io.ringbridge.testkit.OpenDescriptors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.io.IOException;
import java.util.List;
import java.util.stream.Stream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests that a device is opened as configured, followed while it changes, and released. */
@Timeout(60)
class TapLinkTest {
    private static final PortEvents EVENTS = new Events().of("test");
    private static final String DEVICE = "rbl" + ProcessHandle.current().pid();

    private final Datapath datapath = Datapath.start(DatapathOptions.DEFAULT, Throwable::printStackTrace);
    private final UplinkPort port = datapath.addUplinkPort("up", 2, 1500);
    private final NetDevice device = new NetDevice(DEVICE);

    @BeforeEach
    void needsTaps() {
        try {
            Tap.open(DEVICE, false).close();
        } catch (final OsException e) {
            assertNotEquals("true", System.getenv("CI"), () -> "cannot create a tap: " + e.getMessage());
            Assumptions.abort("cannot create a tap: " + e.getMessage());
        }
    }

    @AfterEach
    void close() {
        datapath.close();
    }

    private static void ip(final String... arguments) throws IOException, InterruptedException {
        final List<String> command = Stream.concat(Stream.of("ip"), Stream.of(arguments)).toList();
        assertEquals(0, new ProcessBuilder(command).inheritIO().start().waitFor(), () -> String.join(" ", command));
    }

    @Test
    void aDeviceIsCreatedFollowedRecreatedAndRemoved() throws IOException, InterruptedException {
        final long before = OpenDescriptors.count();
        try (TapLink _ = TapLink.start(port, new TapOptions(DEVICE, 2000, false, null, true), EVENTS)) {
            assertEquals(PortState.RUNNING, port.state());
            assertEquals(2000, port.mtu());
            assertEquals(2000, device.mtu());
            ip("link", "set", DEVICE, "mtu", "3000");
            Await.until(() -> port.mtu() == 3000);
            ip("link", "del", DEVICE);
            Await.until(() -> port.state() == PortState.FAILED);
            assertTrue(port.failure().contains("gone"), port.failure());
            Await.until(() -> port.state() == PortState.RUNNING);
            assertEquals(2000, device.mtu());
        }
        assertEquals(PortState.WAITING, port.state());
        assertFalse(device.exists());
        assertEquals(before, OpenDescriptors.count());
    }

    @Test
    void anExistingDeviceIsWaitedForOnceItIsRemoved() throws IOException, InterruptedException {
        ip("tuntap", "add", "dev", DEVICE, "mode", "tap", "multi_queue");
        try (TapLink _ = TapLink.start(port, TapOptions.of(DEVICE), EVENTS)) {
            ip("link", "del", DEVICE);
            Await.until(() -> port.state() == PortState.FAILED);
            assertFalse(device.exists());
            ip("tuntap", "add", "dev", DEVICE, "mode", "tap", "multi_queue");
            Await.until(() -> port.state() == PortState.RUNNING);
        }
        assertTrue(device.exists());
        ip("link", "del", DEVICE);
    }

    @Test
    void aPersistentDeviceOutlivesItsPort() throws IOException, InterruptedException {
        TapLink.start(port, new TapOptions(DEVICE, 0, true, null, false), EVENTS).close();
        assertTrue(device.exists());
        ip("link", "del", DEVICE);
    }

    @Test
    void aDeviceJoinsItsBridgeMoreThanOnce() throws IOException, InterruptedException {
        final String bridge = DEVICE + 'b';
        ip("link", "add", bridge, "type", "bridge");
        try {
            final TapOptions options = new TapOptions(DEVICE, 0, true, bridge, true);
            TapLink.start(port, options, EVENTS).close();
            TapLink.start(port, options, EVENTS).close();
            ip("link", "del", DEVICE);
        } finally {
            ip("link", "del", bridge);
        }
    }

    @Test
    void errorsAreReportedAndNothingStaysOpen() throws IOException, InterruptedException {
        final long before = OpenDescriptors.count();
        refused(new TapOptions(DEVICE, 0, false, "rb-nowhere", true), "bridge rb-nowhere: no device has this name");
        refused(new TapOptions(DEVICE, 0, false, "lo", true), "bridge lo: this device is not a bridge");
        refused(new TapOptions(DEVICE, 65535, false, null, true), "mtu 65535 of device " + DEVICE);
        refused(TapOptions.of("lo"), "tap device lo: a device of another kind has this name");
        assertFalse(device.exists());
        ip("tuntap", "add", "dev", DEVICE, "mode", "tap");
        refused(TapOptions.of(DEVICE), "a tap device is needed, created with multi_queue");
        ip("link", "del", DEVICE);
        assertEquals(before, OpenDescriptors.count());
    }

    private void refused(final TapOptions options, final String why) {
        final OsException e = assertThrows(OsException.class, () -> TapLink.start(port, options, EVENTS));
        assertTrue(e.getMessage().contains(why), e.getMessage());
    }
}
