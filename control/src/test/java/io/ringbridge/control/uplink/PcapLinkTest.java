package io.ringbridge.control.uplink;

import io.ringbridge.control.Link;
import io.ringbridge.control.backend.Backend;
import io.ringbridge.control.backend.BackendOptions;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.frontend.Guest;
import io.ringbridge.control.event.Events;
import io.ringbridge.control.event.PortEvents;
import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.DatapathOptions;
import io.ringbridge.datapath.driver.QueuePair;
import io.ringbridge.datapath.driver.QueueShape;
import io.ringbridge.datapath.os.NetDevice;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.os.PacketSocket.Direction;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.port.UplinkPort;
import io.ringbridge.testkit.Await;
import io.ringbridge.testkit.OpenDescriptors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pcap4j.core.PcapHandle;
import org.pcap4j.core.Pcaps;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

/** Tests replay to guests, recording of frames from guests, and interfaces that connect two switches. */
@Timeout(60)
class PcapLinkTest {
    private static final PortEvents EVENTS = new Events().of("test");
    private static final int ETHERNET = 1;
    private static final int ETHERTYPE = 0x88B5;
    private static final String LEFT = "rbp" + ProcessHandle.current().pid();
    private static final String RIGHT = LEFT + 'r';

    @TempDir
    private Path dir;

    private final List<AutoCloseable> open = new ArrayList<>();

    @BeforeAll
    static void needsLibpcap() {
        try {
            Pcaps.libVersion();
        } catch (final LinkageError e) {
            if ("true".equals(System.getenv("CI"))) {
                fail("libpcap is missing", e);
            }
            Assumptions.abort("libpcap is missing: " + e.getMessage());
        }
    }

    @AfterEach
    void close() throws Exception {
        for (final AutoCloseable closeable : open.reversed()) {
            closeable.close();
        }
    }

    private Datapath datapath() {
        final Datapath datapath = Datapath.start(DatapathOptions.DEFAULT, Throwable::printStackTrace);
        open.add(datapath);
        return datapath;
    }

    private QueuePair guest(final Datapath datapath) throws IOException {
        final Path socket = dir.resolve(open.size() + ".sock");
        open.add(Backend.open(datapath.addGuestPort(socket.getFileName().toString(), 1, 9000),
            BackendOptions.server(socket)));
        final Guest guest = Guest.attach(socket, Frontend.DEFAULT_FEATURES, new QueueShape(256, 9100));
        open.add(guest);
        Await.until(() -> datapath.ports().stream().anyMatch(port -> port.name().equals(socket.getFileName().toString())
            && port.state() == PortState.RUNNING));
        return guest.queues();
    }

    private UplinkPort port(final Datapath datapath, final PcapOptions options) {
        final UplinkPort port = datapath.addUplinkPort("pcap", 1, 1500);
        open.add(start(port, options));
        return port;
    }

    private static Link start(final UplinkPort port, final PcapOptions options) {
        return options.device() == null ? PcapLink.start(port, options, EVENTS)
            : InterfaceLink.start(port, options, EVENTS);
    }

    /** Returns a broadcast frame of this length, sent by the station with this number. */
    private static byte[] frame(final int station, final int length) {
        final byte[] frame = new byte[length];
        for (int i = 0; i < length; i++) {
            frame[i] = (byte) (length + i);
        }
        ByteBuffer.wrap(frame).putInt(-1).putShort((short) -1).putInt(0x52540000).putShort((short) station)
            .putShort((short) ETHERTYPE);
        return frame;
    }

    private static void send(final QueuePair guest, final byte[] frame) {
        Await.until(() -> {
            guest.transmitter().complete();
            return guest.transmitter().transmit(frame);
        });
    }

    /** Receives that many frames of the test; the kernel's own are left out. */
    private static List<byte[]> receive(final QueuePair guest, final int count) {
        final List<byte[]> got = new ArrayList<>();
        Await.until(() -> {
            while (got.size() < count && guest.receiver().poll()) {
                final byte[] frame = guest.receiver().frame();
                if ((ByteBuffer.wrap(frame).getShort(12) & 0xFFFF) == ETHERTYPE) {
                    got.add(frame);
                }
            }
            guest.receiver().flush();
            return got.size() == count;
        });
        return got;
    }

    private static void assertFrames(final List<byte[]> expected, final List<byte[]> got) {
        assertEquals(expected.size(), got.size());
        for (int i = 0; i < expected.size(); i++) {
            assertArrayEquals(expected.get(i), got.get(i), "frame " + i);
        }
    }

    /** Writes a capture with one record per frame, this number of microseconds apart. */
    private Path capture(final int linkType, final long gapMicros, final List<byte[]> frames, final int snapLength)
        throws IOException {
        final ByteBuffer bytes = ByteBuffer.allocate(1 << 20);
        bytes.putInt(0xa1b2c3d4).putShort((short) 2).putShort((short) 4).putInt(0).putInt(0).putInt(65535)
            .putInt(linkType);
        for (int i = 0; i < frames.size(); i++) {
            final long micros = 1_700_000_000_999_000L + i * gapMicros;
            final byte[] kept = Arrays.copyOf(frames.get(i), Math.min(snapLength, frames.get(i).length));
            bytes.putInt((int) (micros / 1_000_000)).putInt((int) (micros % 1_000_000)).putInt(kept.length)
                .putInt(frames.get(i).length)
                .put(kept);
        }
        return Files.write(dir.resolve("capture.pcap"), Arrays.copyOf(bytes.array(), bytes.position()));
    }

    private static final class Recorded {
        private final byte[] frame;
        private final int length;

        private Recorded(final byte[] frame, final int length) {
            this.frame = frame;
            this.length = length;
        }
    }

    /** Reads a recorded capture with libpcap, which the recorder does not use. */
    private static List<Recorded> read(final Path file) throws Exception {
        final List<Recorded> frames = new ArrayList<>();
        final PcapHandle handle = Pcaps.openOffline(file.toString());
        try {
            while (true) {
                final byte[] frame = handle.getNextRawPacketEx();
                frames.add(new Recorded(frame, handle.getOriginalLength()));
            }
        } catch (EOFException _) {
            return frames;
        } finally {
            handle.close();
        }
    }

    @Test
    void recordsWhatGuestsSend() throws Exception {
        final Datapath datapath = datapath();
        final Path file = dir.resolve("out.pcap");
        final UplinkPort port = datapath.addUplinkPort("rec", 1, 1500);
        final QueuePair guest = guest(datapath);
        final List<byte[]> sent = IntStream.range(0, 300).mapToObj(i -> frame(1, 60 + 29 * i)).toList();
        try (PcapLink _ = PcapLink.start(port, PcapOptions.files(null, false, file, 0), EVENTS)) {
            sent.forEach(frame -> send(guest, frame));
            Await.until(() -> port.statistics().outFrames() == sent.size());
        }
        final List<Recorded> recorded = read(file);
        assertFrames(sent, recorded.stream().map(r -> r.frame).toList());
        assertEquals(Map.of(), port.statistics().drops());
    }

    @Test
    void recordsTheStartOfFramesAndTheirLength() throws Exception {
        final Datapath datapath = datapath();
        final Path file = dir.resolve("out.pcap");
        final QueuePair guest = guest(datapath);
        port(datapath, PcapOptions.files(null, false, file, 96));
        final byte[] frame = frame(1, 1000);
        send(guest, frame);
        Await.until(() -> {
            try {
                return Files.size(file) == 24 + 16 + 96; // written at once, not only when the port closes
            } catch (final IOException e) {
                throw new IllegalStateException(e);
            }
        });
        final Recorded recorded = read(file).getFirst();
        assertArrayEquals(Arrays.copyOf(frame, 96), recorded.frame);
        assertEquals(1000, recorded.length);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void replaysACapture(final boolean fullSpeed) throws IOException {
        final Datapath datapath = datapath();
        final QueuePair guest = guest(datapath);
        final List<byte[]> frames = IntStream.range(0, 200).mapToObj(i -> frame(2, 60 + 29 * i)).toList();
        final Path record = dir.resolve("out.pcap");
        final UplinkPort port = port(datapath,
            PcapOptions.files(capture(ETHERNET, 1000, frames, 65535), fullSpeed, record, 0));
        assertFrames(frames, receive(guest, frames.size()));
        assertEquals(frames.size(), port.statistics().inFrames());
        assertEquals(PortState.RUNNING, port.state());
        send(guest, frame(1, 60));
        Await.until(() -> port.statistics().outFrames() == 1); // replayed frames are not recorded
    }

    @Test
    void replayKeepsTheTimestampsAndEndsOnClose() throws IOException {
        final Datapath datapath = datapath();
        final QueuePair guest = guest(datapath);
        final UplinkPort port = datapath.addUplinkPort("replay", 1, 1500);
        final Path capture = capture(ETHERNET, 3_600_000_000L, List.of(frame(2, 60), frame(2, 61)), 65535);
        try (PcapLink _ = PcapLink.start(port, PcapOptions.files(capture, false, null, 0), EVENTS)) {
            receive(guest, 1);
            assertEquals(1, port.statistics().inFrames());
        }
        assertEquals(PortState.WAITING, port.state());
    }

    @Test
    void truncatedFramesAreCountedAndNotReplayed() throws IOException {
        final Datapath datapath = datapath();
        final QueuePair guest = guest(datapath);
        final List<byte[]> frames = List.of(frame(2, 100), frame(2, 60), frame(2, 2000), frame(2, 70));
        final UplinkPort port = port(datapath, PcapOptions.files(capture(ETHERNET, 0, frames, 96), true, null, 0));
        assertFrames(List.of(frames.get(1), frames.get(3)), receive(guest, 2));
        Await.until(() -> port.statistics().drops().equals(Map.of(DropReason.TRUNCATED, 2L)));
    }

    /**
     * A program that is killed leaves such a capture: the last record ends within its bytes or within its header.
     */
    @ParameterizedTest
    @ValueSource(ints = {1, 59, 61, 75})
    void allWholeFramesOfATruncatedCaptureAreReplayed(final int missing) throws IOException {
        final Datapath datapath = datapath();
        final QueuePair guest = guest(datapath);
        final List<byte[]> frames = IntStream.range(0, 250).mapToObj(i -> frame(2 + i % 7, 60)).toList();
        final Path capture = capture(ETHERNET, 0, frames, 65535);
        final byte[] bytes = Files.readAllBytes(capture);
        Files.write(capture, Arrays.copyOf(bytes, bytes.length - missing));
        final UplinkPort port = port(datapath, PcapOptions.files(capture, true, null, 0));
        assertFrames(frames.subList(0, 249), receive(guest, 249));
        Await.until(() -> port.state() == PortState.FAILED);
        assertEquals(249, port.statistics().inFrames());
        final String failure = port.failure();
        assertTrue(failure.startsWith("capture " + capture + ": broken after 249 whole frames: "), failure);
    }

    @Test
    void errorsAreOneLineAndNothingStaysOpen() throws IOException {
        final Datapath datapath = datapath();
        final UplinkPort port = datapath.addUplinkPort("pcap", 1, 1500);
        final long before = OpenDescriptors.count();
        refused(port, PcapOptions.of("rb-nowhere"), "interface rb-nowhere: no such interface");
        refused(port, PcapOptions.files(dir.resolve("none"), true, null, 0),
            "capture " + dir.resolve("none") + ": no such file");
        refused(port, PcapOptions.files(dir, true, null, 0), "capture " + dir + ": cannot be read");
        refused(port, PcapOptions.files(null, true, dir.resolve("none/out"), 0), "capture " + dir.resolve("none/out")
            + ": cannot be written: no such directory");
        refused(port, PcapOptions.files(null, true, dir, 0), "capture " + dir + ": cannot be written: ");
        final Path target = Files.writeString(dir.resolve("target"), "kept");
        final Path link = Files.createSymbolicLink(dir.resolve("link"), target);
        refused(port, PcapOptions.files(null, true, link, 0), "capture " + link + ": cannot be written: not a regular");
        assertEquals("kept", Files.readString(target));
        final Path garbage = Files.writeString(dir.resolve("garbage"),
            "this is not a capture, whatever else it may be");
        refused(port, PcapOptions.files(garbage, true, null, 0), "capture " + garbage + ": ");
        final Path raw = capture(101, 0, List.of(frame(1, 60)), 65535);
        refused(port, PcapOptions.files(raw, true, dir.resolve("out"), 0), "; only Ethernet is supported");
        assertEquals(before, OpenDescriptors.count());
        assertEquals(PortState.WAITING, port.state());
    }

    private static void refused(final UplinkPort port, final PcapOptions options, final String why) {
        final OsException e = assertThrows(OsException.class, () -> start(port, options));
        assertTrue(e.getMessage().contains(why), e.getMessage());
        assertFalse(e.getMessage().contains("\n"), e.getMessage());
    }

    private static void ip(final String... arguments) throws IOException, InterruptedException {
        final List<String> command = Stream.concat(Stream.of("ip"), Stream.of(arguments)).toList();
        assertEquals(0, new ProcessBuilder(command).inheritIO().start().waitFor(), () -> String.join(" ", command));
    }

    private void wire() throws IOException, InterruptedException {
        if (new ProcessBuilder("ip", "link", "add", LEFT, "type", "veth", "peer", "name", RIGHT).start()
            .waitFor() != 0) {
            assertFalse("true".equals(System.getenv("CI")), "cannot create a veth pair");
            Assumptions.abort("cannot create a veth pair");
        }
        for (final String end : List.of(LEFT, RIGHT)) {
            ip("link", "set", end, "addrgenmode", "none");
            ip("link", "set", end, "mtu", "2000", "up");
        }
        open.add(() -> new ProcessBuilder("ip", "link", "del", LEFT).start().waitFor());
    }

    @Test
    void interfacesConnectSwitchesAndReturnNothing() throws IOException, InterruptedException {
        wire();
        final NetDevice device = new NetDevice(LEFT);
        device.merging(NetDevice.GRO);
        final Datapath left = datapath();
        final Datapath right = datapath();
        final QueuePair a = guest(left);
        final QueuePair b = guest(right);
        final UplinkPort leftPort = left.addUplinkPort("left", 1, 1500);
        final UplinkPort rightPort = port(right, new PcapOptions(RIGHT, Direction.BOTH, 1 << 20, null, false, null, 0));
        try (InterfaceLink _ = InterfaceLink.start(leftPort, PcapOptions.of(LEFT), EVENTS)) {
            assertEquals(0, device.merging());
            assertEquals(2000, leftPort.mtu());
            for (int i = 0; i < 20; i++) {
                final byte[] there = frame(1, 60 + 9 * i);
                send(a, there);
                assertFrames(List.of(there), receive(b, 1));
                final byte[] back = frame(2, 61 + 9 * i);
                send(b, back);
                assertFrames(List.of(back), receive(a, 1));
            }
            assertEquals(20, leftPort.statistics().inFrames());
            assertEquals(20, rightPort.statistics().inFrames(), "frames that the port sent itself are not counted");
            assertFalse(a.receiver().poll());
            ip("link", "set", LEFT, "mtu", "3000");
            ip("link", "set", RIGHT, "mtu", "3000");
            Await.until(() -> leftPort.mtu() == 3000 && rightPort.mtu() == 3000);
            final byte[] large = frame(1, 3014);
            send(a, large);
            assertFrames(List.of(large), receive(b, 1));
        }
        assertEquals(NetDevice.GRO, device.merging());
    }

    @Test
    void aRemovedInterfaceIsWaitedFor() throws IOException, InterruptedException {
        wire();
        final Datapath datapath = datapath();
        final UplinkPort port = port(datapath, PcapOptions.of(LEFT));
        ip("link", "del", LEFT);
        Await.until(() -> port.state() == PortState.FAILED);
        wire();
        Await.until(() -> port.state() == PortState.RUNNING);
    }

    @Test
    void aPortIsDownWhileItsInterfaceHasNoCarrier() throws IOException, InterruptedException {
        wire();
        final UplinkPort port = port(datapath(), PcapOptions.of(LEFT));
        assertFalse(port.isDown());
        for (int i = 0; i < 2; i++) {
            ip("link", "set", RIGHT, "down");
            Await.until(port::isDown);
            ip("link", "set", RIGHT, "up");
            Await.until(() -> !port.isDown());
        }
        assertEquals(PortState.RUNNING, port.state());
    }

    @Test
    void anInterfaceThatIsDownIsRefused() throws IOException, InterruptedException {
        wire();
        ip("link", "set", LEFT, "down");
        final Datapath datapath = datapath();
        refused(datapath.addUplinkPort("down", 1, 1500), PcapOptions.of(LEFT), "interface " + LEFT + ": ");
    }
}
