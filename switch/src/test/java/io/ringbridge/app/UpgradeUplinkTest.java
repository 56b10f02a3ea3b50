package io.ringbridge.app;

import io.ringbridge.api.PortView;
import io.ringbridge.config.Config;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.config.GuestPortConfig;
import io.ringbridge.config.PortConfig;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.Listener;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.NetDevice;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.os.Tap;
import io.ringbridge.testkit.OpenDescriptors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pcap4j.core.NotOpenException;
import org.pcap4j.core.PcapHandle;
import org.pcap4j.core.PcapNativeException;
import org.pcap4j.core.Pcaps;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests hand-overs of a switch with uplinks or an inherited socket to another one in this process, under traffic. */
@Timeout(120)
class UpgradeUplinkTest {
    private static final String NAME = "rbu" + ProcessHandle.current().pid();
    private static final String LEFT = NAME + 'l';
    private static final String RIGHT = NAME + 'r';
    private static final String BRIDGE = NAME + 'b';
    private static final int UPGRADES = 4;
    private static final int REPLAYED = 400;

    @TempDir
    private Path dir;

    @BeforeEach
    void needsTaps() {
        try {
            Tap.open(NAME, false).close();
        } catch (final OsException e) {
            assertNotEquals("true", System.getenv("CI"), () -> "cannot create a tap: " + e.getMessage());
            Assumptions.abort("cannot create a tap: " + e.getMessage());
        }
    }

    @AfterEach
    void removeDevices() throws Exception {
        for (final String device : List.of(LEFT, RIGHT, BRIDGE)) {
            if (new NetDevice(device).exists()) {
                ip("link", "del", device);
            }
        }
    }

    private static void ip(final String... arguments) throws IOException, InterruptedException {
        final List<String> command = Stream.concat(Stream.of("ip"), Stream.of(arguments)).toList();
        assertEquals(0, new ProcessBuilder(command).inheritIO().start().waitFor(), () -> String.join(" ", command));
    }

    private static void upWithoutAddress(final String device) throws IOException, InterruptedException {
        ip("link", "set", device, "addrgenmode", "none");
        ip("link", "set", device, "up");
    }

    private Config config(final String guest, final String uplink) {
        return ConfigReader.parse("test",
            "ports: [{name: " + guest + ", socket: " + dir.resolve(guest) + "}, " + uplink + "]");
    }

    private static Switch start(final Config config) {
        final Switch running = Switch.start(config);
        running.openPorts();
        return running;
    }

    private static PortView port(final Switch running, final String name) {
        return running.ports().views().stream().filter(port -> port.name().equals(name)).findFirst().orElseThrow();
    }

    /**
     * Lets a guest here and one at another switch exchange frames through the kernel, which connects the two uplinks.
     * Meanwhile, some upgrades of this switch fail and others succeed.
     */
    private void talk(final String uplinkHere, final String uplinkThere) throws Exception {
        final Config config = config("a", uplinkHere);
        Switch running = start(config);
        try (Switch _ = start(config("b", uplinkThere));
             TalkingGuests guests = new TalkingGuests(dir.resolve("a"), dir.resolve("b"), Frontend.DEFAULT_FEATURES)) {
            guests.exchange(50);
            final long descriptors = OpenDescriptors.count();
            guests.talk();
            for (int i = 0; i < UPGRADES; i++) {
                guests.awaitMore(300);
                final Switch before = running;
                assertThrows(HandOverException.class,
                    () -> LocalUpgrade.handOver(dir, before, from -> LocalUpgrade.leaveAfterPositions(from, 2)));
                guests.awaitMore(300);
                running = LocalUpgrade.run(dir, running, config);
            }
            guests.awaitMore(300);
            guests.finish();
            assertEquals(descriptors, OpenDescriptors.count());
            assertEquals(guests.a.sent(), port(running, "a").inFrames());
            assertEquals(guests.a.sent(), port(running, "up").outFrames());
            assertTrue(port(running, "up").inFrames() >= guests.a.received());
            assertTrue(port(running, "up").drops().isEmpty(), port(running, "up")::toString);
            assertEquals("running", port(running, "up").state());
        } finally {
            running.close();
        }
    }

    @Test
    void noFrameIsLostInTheKernelBehindATap() throws Exception {
        ip("link", "add", BRIDGE, "type", "bridge");
        for (final String tap : List.of(LEFT, RIGHT)) {
            ip("tuntap", "add", "dev", tap, "mode", "tap");
            ip("link", "set", tap, "master", BRIDGE);
            upWithoutAddress(tap);
        }
        upWithoutAddress(BRIDGE);
        talk("{name: up, type: tap, device: " + LEFT + "}", "{name: up, type: tap, device: " + RIGHT + "}");
    }

    @Test
    void noFrameIsLostOrRepeatedAtAnInterface() throws Exception {
        ip("link", "add", LEFT, "type", "veth", "peer", "name", RIGHT);
        upWithoutAddress(LEFT);
        upWithoutAddress(RIGHT);
        talk("{name: up, type: pcap, interface: " + LEFT + "}", "{name: up, type: pcap, interface: " + RIGHT + "}");
    }

    @Test
    void aCreatedDeviceIsKeptFollowedAndRemovedInTheEnd() throws Exception {
        Switch running = start(config("a", "{name: up, type: tap, device: " + LEFT + ", queues: 2, mtu: 2000}"));
        try {
            running = LocalUpgrade.run(dir, running,
                config("a", "{name: up, type: tap, device: " + LEFT + ", queues: 2, mtu: 3000}"));
            assertEquals(3000, new NetDevice(LEFT).mtu());
            assertEquals(3000, port(running, "up").mtu());
            final Switch before = running;
            final HandOverException refused = assertThrows(HandOverException.class, () -> LocalUpgrade.run(dir, before,
                config("a", "{name: up, type: tap, device: " + LEFT + "x, queues: 2, mtu: 3000}")));
            assertTrue(refused.getMessage().startsWith("port up: device is " + LEFT + "x in the configuration"),
                refused.getMessage());
            ip("link", "del", LEFT);
            final Config config = config("a", "{name: up, type: tap, device: " + LEFT + ", queues: 2, mtu: 3000}");
            running = LocalUpgrade.run(dir, running, config);
            while (!"running".equals(port(running, "up").state()) || !new NetDevice(LEFT).exists()) {
                LockSupport.parkNanos(1_000_000);
            }
        } finally {
            running.close();
        }
        assertFalse(new NetDevice(LEFT).exists());
    }

    /** Writes a capture of numbered broadcasts, two milliseconds apart. */
    private Path capture() throws IOException {
        final ByteBuffer bytes = ByteBuffer.allocate(24 + REPLAYED * (16 + 60));
        bytes.putInt(0xa1b2c3d4).putShort((short) 2).putShort((short) 4).putInt(0).putInt(0).putInt(65535).putInt(1);
        for (int i = 0; i < REPLAYED; i++) {
            bytes.putInt(1_700_000_000 + i / 500).putInt(i % 500 * 2000).putInt(60).putInt(60);
            bytes.put(ByteBuffer.allocate(60).putInt(-1).putShort((short) -1).putInt(0x52540000).putShort((short) 9)
                .putShort((short) 0x88B5).putInt(i).rewind());
        }
        return Files.write(dir.resolve("in.pcap"), bytes.array());
    }

    private static List<Integer> recorded(final Path file) throws PcapNativeException, NotOpenException {
        final List<Integer> numbers = new ArrayList<>();
        final PcapHandle handle = Pcaps.openOffline(file.toString());
        try {
            for (byte[] frame = handle.getNextRawPacket(); frame != null; frame = handle.getNextRawPacket()) {
                numbers.add(ByteBuffer.wrap(frame).getInt(14));
            }
            return numbers;
        } finally {
            handle.close();
        }
    }

    @ParameterizedTest
    @CsvSource({"recorded", "full"})
    void aCaptureIsReplayedAndRecordedOnce(final String speed) throws Exception {
        final Path out = dir.resolve("out.pcap");
        final Config config = config("a",
            "{name: rec, type: pcap, write: " + out + "}, {name: play, type: pcap, read: " + capture()
            + ", speed: " + speed + "}"); // the recorder comes first: a capture is replayed as soon as its port exists
        Switch running = start(config);
        try {
            do {
                running = LocalUpgrade.run(dir, running, config);
            } while (port(running, "rec").outFrames() < REPLAYED);
            for (int i = 0; i < 2; i++) {
                running = LocalUpgrade.run(dir, running, config);
            }
            assertEquals(REPLAYED, port(running, "play").inFrames());
            assertEquals(REPLAYED, port(running, "rec").outFrames());
        } finally {
            running.close();
        }
        assertEquals(IntStream.range(0, REPLAYED).boxed().toList(), recorded(out));
    }

    /** The worker finds the end of the broken capture up to a second before the port's own thread notices. */
    @Test
    void aPortThatHasJustFailedStaysFailed() throws Exception {
        final Path capture = capture();
        Files.write(capture, Arrays.copyOf(Files.readAllBytes(capture), (int) Files.size(capture) - 10));
        final Config config = config("a", "{name: play, type: pcap, read: " + capture + ", speed: full}");
        Switch running = start(config);
        try {
            while (!"failed".equals(port(running, "play").state())) {
                LockSupport.parkNanos(1_000_000);
            }
            final String failure = port(running, "play").failure();
            for (int i = 0; i < 2; i++) {
                running = LocalUpgrade.run(dir, running, config);
                assertEquals("failed", port(running, "play").state());
                assertEquals(failure, port(running, "play").failure());
                assertEquals(REPLAYED - 1, port(running, "play").inFrames());
            }
        } finally {
            running.close();
        }
    }

    @Test
    void anInheritedSocketIsHandedOver() throws Exception {
        final PortConfig b = ConfigReader.parsePort("test", "name=b,socket=" + dir.resolve("b"));
        final CompletableFuture<TalkingGuests> attaching;
        final int inherited;
        try (Listener listener = Listener.open(dir.resolve("a"), 0600)) {
            attaching = CompletableFuture.supplyAsync(() -> {
                try {
                    return new TalkingGuests(dir.resolve("a"), dir.resolve("b"), Frontend.DEFAULT_FEATURES);
                } catch (final IOException e) {
                    throw new IllegalStateException(e);
                }
            });
            Connection accepted = listener.accept();
            while (accepted == null) {
                accepted = listener.accept();
            }
            inherited = Fd.duplicate(accepted.descriptor());
            accepted.relinquish();
        }
        final Config config = Config.DEFAULT.withPorts(List.of(
            GuestPortConfig.inherited("a", inherited), b));
        Switch running = start(config);
        try (TalkingGuests guests = attaching.join()) {
            guests.exchange(50);
            guests.talk();
            for (int i = 0; i < UPGRADES; i++) {
                guests.awaitMore(300);
                running = LocalUpgrade.run(dir, running, config);
            }
            guests.awaitMore(300);
            guests.finish();
        } finally {
            running.awaitEnd("a"); // its front-end has left
            running.close();
        }
    }
}
