package io.ringbridge.control.backend;

import io.ringbridge.control.backend.migration.DeviceState;
import io.ringbridge.control.protocol.BackendRequest;
import io.ringbridge.control.protocol.Codec;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.datapath.bridge.ForwardingTable;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.packet.MacAddress;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.port.PortStatistics;
import io.ringbridge.datapath.port.PortVlan;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.Await;
import io.ringbridge.testkit.OpenDescriptors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.newsclub.net.unix.AFPipe;
import org.newsclub.net.unix.FileDescriptorCast;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.zip.CRC32C;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests the stream of a device's state, and its transfer from one port to another. */
class DeviceStateTest {
    private static final long PLAIN = Features.of(Features.VERSION_1, Features.PROTOCOL_FEATURES);
    private static final long PROTOCOL = TestPeer.PROTOCOL | ProtocolFeature.DEVICE_STATE.mask();
    private static final long ADDRESS = MacAddress.parse("52:54:00:00:00:09");
    private static final int SAVE = 0;
    private static final int LOAD = 1;
    private static final long DONE = 0x100;
    private static final long FAILED = 0x101;
    private static final DeviceState STATE = new DeviceState(ADDRESS, 1400, 2,
        new PortStatistics(1, 2, 3, 4, Map.of(DropReason.NO_BUFFER, 5L, DropReason.SHORT_FRAME, Long.MAX_VALUE)),
        "trunk 20,30-39 native 10", List.of(ForwardingTable.key(ADDRESS, 10), ForwardingTable.key(ADDRESS, 20)));

    @TempDir
    Path directory;
    private SwitchFixture fixture;
    private TestPeer peer;

    @BeforeEach
    void start() throws IOException {
        fixture = fixture("s", 0);
        peer = peer(fixture);
    }

    @AfterEach
    void end() {
        peer.close();
        fixture.close();
    }

    private SwitchFixture fixture(final String name, final long mac) {
        final Path socket = directory.resolve(name);
        return new SwitchFixture(socket, 2,
            BackendOptions.server(socket).withMac(mac).with(ProtocolFeature.DEVICE_STATE));
    }

    private static TestPeer peer(final SwitchFixture fixture) throws IOException {
        return negotiated(fixture.peer());
    }

    private static TestPeer negotiated(final TestPeer peer) throws IOException {
        assertEquals(PROTOCOL, peer.number(new Message.GetProtocolFeatures()));
        peer.send(new Message.SetProtocolFeatures(PROTOCOL));
        peer.send(new Message.SetFeatures(PLAIN));
        return peer;
    }

    private static int number(final java.io.FileDescriptor descriptor) throws IOException {
        return FileDescriptorCast.using(descriptor).as(Integer.class);
    }

    private static byte[] save(final TestPeer from) throws IOException {
        try (AFPipe pipe = AFPipe.open()) {
            assertEquals(DONE,
                from.number(new Message.SetDeviceStateFd(SAVE, 0), number(pipe.sink().getFileDescriptor())));
            pipe.sink().close();
            final byte[] stream = Channels.newInputStream(pipe.source()).readAllBytes();
            assertEquals(0, from.number(new Message.CheckDeviceState()));
            return stream;
        }
    }

    private static long load(final TestPeer to, final byte[] stream) throws IOException {
        try (AFPipe pipe = AFPipe.open()) {
            assertEquals(DONE,
                to.number(new Message.SetDeviceStateFd(LOAD, 0), number(pipe.source().getFileDescriptor())));
            pipe.source().close();
            try {
                pipe.sink().write(ByteBuffer.wrap(stream));
            } catch (final IOException e) {
                assertTrue(stream.length > DeviceState.MAX_BYTES,
                    "the back-end closes the pipe if the state is too large");
            }
            pipe.sink().close();
            return to.number(new Message.CheckDeviceState());
        }
    }

    private static String config(final TestPeer peer) throws IOException {
        peer.send(new Message.Config(Request.GET_CONFIG, 0, 12, 0, ByteBuffer.wrap(new byte[12])));
        try (Packet reply = peer.receive()) {
            final Message.Config content = (Message.Config) Codec.decode(Request.GET_CONFIG, reply.payload(), 0);
            final ByteBuffer bytes = content.bytes().order(ByteOrder.LITTLE_ENDIAN);
            return MacAddress.format(bytes.getLong(0)) + ' ' + bytes.getShort(10);
        }
    }

    /** Lets a guest send a buffer that is too short for a frame, and stops its ring. */
    private static void dropOne(final SwitchFixture at, final TestPeer by) throws IOException {
        try (PeerGuest guest = new PeerGuest()) {
            guest.driver(1, 256, 0).add(TestPeer.GUEST, 16, false);
            guest.available(1);
            by.send(TestPeer.table(), guest.fd());
            by.send(new Message.SetVringNum(1, 256));
            by.send(TestPeer.address(1));
            by.send(new Message.SetVringFd(Request.SET_VRING_KICK, 1, true), guest.event.fd());
            by.ack(new Message.SetVringEnable(1, 1));
            guest.event.signal();
            Await.until(() -> at.port.statistics().drops().containsKey(DropReason.SHORT_FRAME));
            try (AFPipe pipe = AFPipe.open()) {
                final int fd = number(pipe.sink().getFileDescriptor());
                assertEquals(FAILED, by.number(new Message.SetDeviceStateFd(SAVE, 0), fd), "a ring runs");
            }
            by.send(new Message.GetVringBase(1));
            by.receive().close();
        }
    }

    @Test
    void aDeviceResumesWithItsState() throws Exception {
        try (SwitchFixture source = fixture("source", ADDRESS); TestPeer sender = peer(source);
             RequestSocket requests = new RequestSocket()) {
            assertEquals(0, sender.ack(new Message.NetSetMtu(1400)));
            dropOne(source, sender);
            final byte[] stream = save(sender);
            assertEquals("00:00:00:00:00:00 1500", config(peer));
            assertEquals(0, requests.giveTo(peer));
            assertEquals(0, load(peer, stream));
            requests.expect(BackendRequest.CONFIG_CHANGE_MSG, new byte[0]);
            assertEquals("52:54:00:00:00:09 1400", config(peer));
            assertEquals(1400, fixture.port.mtu(), "the MTU limits delivery");
            assertEquals(source.port.statistics(), fixture.port.statistics());
            assertEquals(0, load(peer, stream), "a second load adds nothing");
            assertEquals(source.port.statistics(), fixture.port.statistics());
            dropOne(fixture, peer);
            assertArrayEquals(save(peer), save(peer));
        }
    }

    @Test
    void aDifferentVlanIsNotRefused() throws Exception {
        final Path socket = directory.resolve("tagged");
        final GuestPort tagged = fixture.datapath.addGuestPort("tagged", 2, 1500, PortVlan.access(10));
        try (Backend _ = Backend.open(tagged, BackendOptions.server(socket).with(ProtocolFeature.DEVICE_STATE));
             TestPeer sender = negotiated(new TestPeer(socket))) {
            final byte[] stream = save(sender);
            assertEquals("10", DeviceState.decode(stream).vlan());
            assertEquals(0, load(peer, stream));
            assertEquals("", DeviceState.decode(save(peer)).vlan());
            assertEquals(0, load(sender, save(peer)));
        }
    }

    private static List<String> stations(final SwitchFixture at) {
        return at.datapath.stations().stream()
            .map(entry -> entry.mac() + (entry.isStatic() ? " static" : "") + " at " + entry.port())
            .sorted().toList();
    }

    private static long station(final int number) {
        return ForwardingTable.key(ADDRESS & 0xFFFF_FFFFL | (long) (number >> 8 | (number & 0xFF) << 8) << 32, 0);
    }

    @Test
    void staticStationsMoveWithTheGuest() throws Exception {
        try (SwitchFixture source = fixture("source", ADDRESS)) {
            final byte[] stream;
            try (TestPeer sender = peer(source)) {
                assertTrue(source.datapath.table().addStatic(ForwardingTable.key(ADDRESS, 0), 0));
                dropOne(source, sender);
                stream = save(sender);
                dropOne(source, sender);
            }
            source.awaitDetached();
            assertEquals(List.of("52:54:00:00:00:09 static at 0"), stations(source),
                "the migration failed: a ring ran again");
            assertEquals(0, load(peer, stream));
            assertEquals(0, load(peer, stream), "a second load adds nothing");
            assertEquals(List.of("52:54:00:00:00:09 static at 0"), stations(fixture));
            try (TestPeer sender = peer(source)) {
                assertEquals(List.of(ForwardingTable.key(ADDRESS, 0)), DeviceState.decode(save(sender)).stations());
            }
            source.awaitDetached();
            assertEquals(List.of(), stations(source), "removed with the guest");
        }
        peer.close();
        fixture.awaitDetached();
        assertEquals(List.of("52:54:00:00:00:09 static at 0"), stations(fixture));
    }

    @Test
    void stationsOfARunningPortAreNotTaken() throws Exception {
        final GuestPort other = fixture.datapath.addGuestPort("other", 1, 1500);
        final GuestPort tagged = fixture.datapath.addGuestPort("tagged", 1, 1500, PortVlan.access(10));
        fixture.datapath.table().addStatic(station(1), other.index());
        fixture.datapath.importStation(station(2), other.index(), 1);
        fixture.datapath.table().addStatic(ForwardingTable.key(ADDRESS, 10), tagged.index());
        final byte[] stream = new DeviceState(ADDRESS, 1400, 2, PortStatistics.NONE, "",
            List.of(station(1), station(2), station(3), ForwardingTable.key(ADDRESS, 10))).encode();
        other.state(PortState.RUNNING);
        assertEquals(0, load(peer, stream));
        assertArrayEquals(new long[] {station(3)}, fixture.port.stations().statics());
        other.state(PortState.CONNECTED);
        assertEquals(0, load(peer, stream));
        assertArrayEquals(new long[] {station(1), station(2), station(3)},
            LongStream.of(fixture.port.stations().statics()).sorted().toArray());
        assertArrayEquals(new long[] {ForwardingTable.key(ADDRESS, 10)}, tagged.stations().statics());
    }

    @Test
    void theNumberOfStationsIsLimited() throws Exception {
        for (int i = 0; i < 3; i++) {
            final int first = 1000 * i;
            assertEquals(0, load(peer, new DeviceState(ADDRESS, 1400, 2, PortStatistics.NONE, "",
                IntStream.range(first, first + 1000).mapToObj(DeviceStateTest::station).toList()).encode()));
        }
        assertEquals(1024, fixture.port.stations().statics().length);
        for (final List<Long> wrong : List.of(List.of(0L), List.of(ForwardingTable.key(1, 0)),
            List.of(ForwardingTable.key(ADDRESS, 4095)),
            List.of(-1L), IntStream.range(0, 1025).mapToObj(DeviceStateTest::station).toList())) {
            assertEquals(1, load(peer, new DeviceState(ADDRESS, 1400, 2, PortStatistics.NONE, "", wrong).encode()),
                wrong::toString);
        }
        assertEquals(1024, fixture.port.stations().statics().length);
    }

    @Test
    void anInvalidStateIsRefusedAndChangesNothing() throws Exception {
        final byte[] good = STATE.encode();
        for (final byte[] bad : new byte[][] {{}, Arrays.copyOf(good, good.length - 1),
            Arrays.copyOf(good, good.length + 1),
            new byte[4096], new byte[DeviceState.MAX_BYTES + 1], new byte[4 * DeviceState.MAX_BYTES],
            new DeviceState(ADDRESS, 1501, 2, PortStatistics.NONE, "", List.of()).encode(),
            new DeviceState(ADDRESS, 1400, 3, PortStatistics.NONE, "", List.of()).encode(),
            new DeviceState(1, 1400, 2, PortStatistics.NONE, "", List.of()).encode()}) {
            assertEquals(1, load(peer, bad), () -> bad.length + " bytes");
            assertEquals("00:00:00:00:00:00 1500", config(peer));
            assertEquals(PortStatistics.NONE, fixture.port.statistics());
        }
        assertEquals(0, load(peer, good));
        assertEquals(STATE.statistics(), fixture.port.statistics());
    }

    @Test
    void transfersThatDoNotEndAreCancelled() throws Exception {
        assertEquals(1, peer.number(new Message.CheckDeviceState()), "no transfer was started");
        try (AFPipe pipe = AFPipe.open(); EventFd event = EventFd.create()) {
            assertEquals(FAILED,
                peer.number(new Message.SetDeviceStateFd(2, 0), number(pipe.sink().getFileDescriptor())));
            assertEquals(FAILED,
                peer.number(new Message.SetDeviceStateFd(SAVE, 1), number(pipe.sink().getFileDescriptor())));
            assertEquals(FAILED, peer.number(new Message.SetDeviceStateFd(SAVE, 0), event.fd()), "not a pipe");
            assertEquals(FAILED, peer.number(new Message.SetDeviceStateFd(LOAD, 0), event.fd()));
            final long before = OpenDescriptors.count();
            for (int i = 0; i < 10; i++) {
                assertEquals(DONE,
                    peer.number(new Message.SetDeviceStateFd(LOAD, 0), number(pipe.source().getFileDescriptor())));
            }
            assertEquals(PLAIN, peer.number(new Message.GetFeatures()) & PLAIN,
                "the session serves requests meanwhile");
            assertEquals(1, peer.number(new Message.CheckDeviceState()), "the stream has no end");
            assertEquals(before, OpenDescriptors.count());
            assertEquals(DONE,
                peer.number(new Message.SetDeviceStateFd(LOAD, 0), number(pipe.source().getFileDescriptor())));
            peer.close();
            fixture.awaitDetached();
            Await.until(() -> Thread.getAllStackTraces().keySet().stream()
                .noneMatch(thread -> thread.getName().equals("rb-state-a")));
        }
    }

    @Test
    void anyDamageIsDetected() {
        final byte[] good = STATE.encode();
        assertEquals(STATE, DeviceState.decode(good));
        final SplittableRandom random = new SplittableRandom(3);
        for (int i = 0; i < good.length; i++) {
            final byte[] damaged = good.clone();
            damaged[i] ^= (byte) (1 << random.nextInt(8));
            assertThrows(ProtocolException.class, () -> DeviceState.decode(damaged));
            final byte[] shorter = Arrays.copyOf(good, i);
            assertThrows(ProtocolException.class, () -> DeviceState.decode(shorter));
        }
        assertNotEquals(STATE, new DeviceState(ADDRESS, 1400, 2, PortStatistics.NONE, STATE.vlan(), STATE.stations()));
    }

    /** Streams of all earlier versions have this layout, so that guests can move between versions. */
    @Test
    void theLayoutIsThatOfEarlierVersions() {
        final ByteBuffer out = ByteBuffer.allocate(1024).order(ByteOrder.LITTLE_ENDIAN);
        out.put("RINGBRDG".getBytes(StandardCharsets.US_ASCII)).putInt(1).putInt(0);
        out.putInt(1).putInt(16).putLong(ADDRESS).putInt(1400).putInt(2);
        out.putInt(2).putInt(54).putLong(1).putLong(2).putLong(3).putLong(4).putInt(1);
        out.put((byte) 9).put("no-buffer".getBytes(StandardCharsets.US_ASCII)).putLong(5);
        out.putInt(3 | 1 << 31).putInt(2).put("10".getBytes(StandardCharsets.US_ASCII));
        out.putInt(77 | 1 << 31).putInt(3).put(new byte[3]);
        out.putInt(4 | 1 << 31).putInt(8).putLong(ForwardingTable.key(ADDRESS, 10));
        final DeviceState expected = new DeviceState(ADDRESS, 1400, 2,
            new PortStatistics(1, 2, 3, 4, Map.of(DropReason.NO_BUFFER, 5L)), "10",
            List.of(ForwardingTable.key(ADDRESS, 10)));
        final byte[] withUnknown = finished(out);
        assertEquals(expected, DeviceState.decode(withUnknown));
        final byte[] written = expected.encode();
        final int unknown = 11;
        assertEquals(withUnknown.length - unknown, written.length);
        assertArrayEquals(Arrays.copyOfRange(withUnknown, 16, 16 + 24 + 62 + 10),
            Arrays.copyOfRange(written, 16, 16 + 24 + 62 + 10));
        out.position(withUnknown.length - 4).putInt(78).putInt(0);
        assertTrue(assertThrows(ProtocolException.class, () -> DeviceState.decode(finished(out))).getMessage()
            .contains("the device state cannot be used: section 78 has version 1"));
    }

    /** Returns a stream with its length and its checksum. */
    private static byte[] finished(final ByteBuffer content) {
        final int length = content.position();
        final byte[] stream = new byte[length + 4];
        content.putInt(12, length - 16).get(0, stream, 0, length);
        final CRC32C crc = new CRC32C();
        crc.update(stream, 0, length);
        ByteBuffer.wrap(stream).order(ByteOrder.LITTLE_ENDIAN).putInt(length, (int) crc.getValue());
        return stream;
    }

    @Test
    void theFeatureNeedsAnOption() throws Exception {
        final Path plain = directory.resolve("plain");
        try (SwitchFixture other = new SwitchFixture(plain); TestPeer sender = other.peer()) {
            assertEquals(0, sender.number(new Message.GetProtocolFeatures()) & ProtocolFeature.DEVICE_STATE.mask());
            sender.negotiated(PLAIN);
            assertEquals(1, sender.ack(new Message.CheckDeviceState()));
        }
    }
}
