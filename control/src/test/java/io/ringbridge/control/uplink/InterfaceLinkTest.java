package io.ringbridge.control.uplink;

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
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.NetDevice;
import io.ringbridge.datapath.os.PacketSocket;
import io.ringbridge.datapath.os.PacketSocket.Direction;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.port.UplinkPort;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.Await;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.CRC32C;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

/** Tests that guests get correct packets from an interface whose peer leaves checksums and segmentation to offloads. */
@Timeout(60)
class InterfaceLinkTest {
    private static final PortEvents EVENTS = new Events().of("test");
    private static final String LEFT = "rbi" + ProcessHandle.current().pid();
    private static final String RIGHT = LEFT + 'r';
    private static final long CHECKSUMS = Features.of(Features.GUEST_CSUM);
    private static final long ALL = CHECKSUMS
        | Features.of(Features.GUEST_TSO4, Features.GUEST_TSO6, Features.GUEST_ECN);
    private static final int TCP = 6;
    private static final int UDP = 17;
    private static final int SCTP = 132;
    private static final int TCPV4 = 1;
    private static final int TCPV6 = 4;
    private static final int DATAGRAMS = 5;
    private static final int SEGMENT = 1000;
    private static final int TAG = 10;

    @TempDir
    private Path dir;

    private final List<AutoCloseable> open = new ArrayList<>();
    private Datapath datapath;
    private UplinkPort port;

    /** A guest without offloads, one that completes checksums, and one that also takes unsegmented packets. */
    private final List<QueuePair> guests = new ArrayList<>();

    @BeforeEach
    void connect() throws Exception {
        wire();
        datapath = Datapath.start(DatapathOptions.DEFAULT, Throwable::printStackTrace);
        open.add(datapath);
        port = datapath.addUplinkPort("up", 1, 1500);
    }

    private void wire() throws IOException, InterruptedException {
        if (new ProcessBuilder("ip", "link", "add", LEFT, "type", "veth", "peer", "name", RIGHT).start()
            .waitFor() != 0) {
            assertFalse("true".equals(System.getenv("CI")), "cannot create a veth pair");
            Assumptions.abort("cannot create a veth pair");
        }
        for (final String end : List.of(LEFT, RIGHT)) {
            ip("link", "set", end, "addrgenmode", "none");
            ip("link", "set", end, "up");
        }
        open.add(() -> new ProcessBuilder("ip", "link", "del", LEFT).start().waitFor());
    }

    private static void ip(final String... arguments) throws IOException, InterruptedException {
        final List<String> command = Stream.concat(Stream.of("ip"), Stream.of(arguments)).toList();
        assertEquals(0, new ProcessBuilder(command).inheritIO().start().waitFor(), () -> String.join(" ", command));
    }

    @AfterEach
    void close() throws Exception {
        for (final AutoCloseable closeable : open.reversed()) {
            closeable.close();
        }
    }

    private void attach(final Direction direction) throws IOException {
        for (final long takes : new long[] {0, CHECKSUMS, ALL}) {
            final Path socket = dir.resolve(guests.size() + ".sock");
            open.add(Backend.open(datapath.addGuestPort("g" + guests.size(), 1, 1500), BackendOptions.server(socket)));
            final Guest guest = Guest.attach(socket, Frontend.DEFAULT_FEATURES | takes, new QueueShape(256, 9100));
            open.add(guest);
            guests.add(guest.queues());
        }
        Await.until(() -> datapath.ports().stream().filter(other -> other != port)
            .allMatch(other -> other.state() == PortState.RUNNING));
        open.add(InterfaceLink.start(port, new PcapOptions(LEFT, direction, 1 << 20, null, false, null, 0), EVENTS));
    }

    /** Opens a socket that sends frames through an interface, each with a virtio-net header. */
    private PacketSocket sender(final String device) {
        final PacketSocket socket = PacketSocket.open(new NetDevice(device), Direction.OUT, 1 << 16, 1);
        open.add(socket);
        return socket;
    }

    private static void send(final PacketSocket socket, final byte[] header, final byte[] frame) {
        final long memory = Memory.allocate(32 + PacketSocket.HEADER + frame.length);
        Memory.copy(header, 0, memory + 32, PacketSocket.HEADER);
        Memory.copy(frame, 0, memory + 32 + PacketSocket.HEADER, frame.length);
        Memory.putLong(memory, memory + 32);
        Memory.putLong(memory + 8, PacketSocket.HEADER);
        Memory.putLong(memory + 16, memory + 32 + PacketSocket.HEADER);
        Memory.putLong(memory + 24, frame.length);
        assertEquals(PacketSocket.HEADER + frame.length, socket.send(memory, 2));
    }

    private static byte[] header(final int type, final int start, final int offset) {
        return ByteBuffer.allocate(PacketSocket.HEADER).order(ByteOrder.LITTLE_ENDIAN).put((byte) 1).put((byte) type)
            .putShort((short) 54)
            .putShort((short) (type == 0 ? 0 : SEGMENT)).putShort((short) start).putShort((short) offset).array();
    }

    /** Returns a broadcast packet whose checksum is partial: it covers only the pseudo header. */
    private static byte[] packet(final boolean ipv6, final boolean tagged, final int protocol, final int data) {
        final int headers = protocol == TCP ? 20 : protocol == UDP ? 8 : 12;
        final int length = headers + data;
        final ByteBuffer frame = ByteBuffer.allocate(1 << 16).putInt(-1).putShort((short) -1).putInt(0x52540000)
            .putShort((short) 7);
        if (tagged) {
            frame.putShort((short) 0x8100).putShort((short) TAG);
        }
        frame.putShort((short) (ipv6 ? 0x86DD : 0x0800));
        final int network = frame.position();
        if (ipv6) {
            frame.putInt(0x60000000).putShort((short) length).put((byte) protocol).put((byte) 64);
            frame.putLong(0xFD00000000000000L).putLong(1).putLong(0xFD00000000000000L).putLong(2);
        } else {
            frame.putShort((short) 0x4500).putShort((short) (20 + length)).putInt(0x00074000).put((byte) 64)
                .put((byte) protocol)
                .putShort((short) 0).putInt(0x0A090001).putInt(0x0A090002);
            frame.putShort(network + 10, (short) ~sum(frame.array(), network, network + 20));
        }
        final int transport = frame.position();
        frame.putShort((short) 5000).putShort((short) 6000);
        if (protocol == TCP) {
            frame.putInt(1000).putInt(1).putShort((short) 0x5010).putShort((short) 1000).putInt(0);
        } else if (protocol == UDP) {
            frame.putShort((short) length).putShort((short) 0);
        } else {
            frame.putLong(0);
        }
        for (int i = 0; i < data; i++) {
            frame.put((byte) (3 * i));
        }
        if (protocol != SCTP) {
            frame.putShort(transport + (protocol == TCP ? 16 : 6),
                (short) pseudoHeader(frame.array(), ipv6, network, protocol, length));
        }
        return Arrays.copyOf(frame.array(), frame.position());
    }

    private static int pseudoHeader(final byte[] frame, final boolean ipv6, final int network, final int protocol,
        final int length) {
        return fold(sum(frame, network + (ipv6 ? 8 : 12), network + (ipv6 ? 40 : 20)) + protocol + length);
    }

    private static int sum(final byte[] bytes, final int from, final int to) {
        int sum = 0;
        for (int i = from; i < to; i++) {
            sum += (i - from) % 2 == 0 ? (bytes[i] & 0xFF) << 8 : bytes[i] & 0xFF;
            sum = fold(sum);
        }
        return sum;
    }

    private static int fold(final int sum) {
        final int folded = (sum & 0xFFFF) + (sum >>> 16);
        return (folded & 0xFFFF) + (folded >>> 16);
    }

    private static int transport(final boolean ipv6, final boolean tagged) {
        return 14 + (tagged ? 4 : 0) + (ipv6 ? 40 : 20);
    }

    private static void assertCorrect(final byte[] frame, final boolean ipv6, final boolean tagged,
        final int protocol) {
        final int transport = transport(ipv6, tagged);
        final int network = transport - (ipv6 ? 40 : 20);
        final int length = frame.length - transport;
        final int sum = pseudoHeader(frame, ipv6, network, protocol, length) + sum(frame, transport, frame.length);
        assertEquals(0xFFFF, fold(sum), "TCP or UDP checksum");
        assertEquals(ipv6 ? length : frame.length - network, ByteBuffer.wrap(frame).getShort(network + (ipv6 ? 4 : 2)),
            "IP length");
    }

    /** Receives the next frames that the test has sent, with their headers. */
    private static List<byte[][]> receive(final QueuePair guest, final int count) {
        final List<byte[][]> got = new ArrayList<>();
        Await.until(() -> {
            while (got.size() < count && guest.receiver().poll()) {
                if (guest.receiver().frame()[11] == 7) {
                    got.add(new byte[][] {guest.receiver().header(), guest.receiver().frame()});
                }
            }
            guest.receiver().flush();
            return got.size() == count;
        });
        return got;
    }

    @ParameterizedTest
    @CsvSource({"IN, false", "OUT, false", "BOTH, true", "IN, true"})
    void partialChecksumsAreCompletedOrPassedOn(final Direction direction, final boolean tagged) throws IOException {
        attach(direction);
        final PacketSocket sender = sender(direction == Direction.OUT ? LEFT : RIGHT);
        for (int i = 0; i < 20; i++) {
            final boolean ipv6 = i % 2 == 1;
            final int protocol = i % 4 < 2 ? TCP : UDP;
            final byte[] packet = packet(ipv6, tagged, protocol, 1 + 40 * i);
            final int transport = transport(ipv6, tagged);
            send(sender, header(0, transport, protocol == TCP ? 16 : 6), packet);
            final byte[][] whole = receive(guests.getFirst(), 1).getFirst();
            assertEquals(0, whole[0][0]);
            assertCorrect(whole[1], ipv6, tagged, protocol);
            for (final QueuePair guest : guests.subList(1, 3)) {
                final byte[][] partial = receive(guest, 1).getFirst();
                assertArrayEquals(packet, partial[1]);
                assertEquals(1, partial[0][0]);
                assertEquals(transport, partial[0][6]);
            }
        }
        assertEquals(Map.of(), port.statistics().drops());
    }

    @ParameterizedTest
    @CsvSource({"false, false", "true, false", "false, true", "true, true"})
    void unsegmentedPacketsAreSegmentedOrPassedOn(final boolean ipv6, final boolean tagged) throws IOException {
        attach(Direction.IN);
        final PacketSocket sender = sender(RIGHT);
        for (final int data : new int[] {1500, 20_000, 60_000}) {
            final byte[] packet = packet(ipv6, tagged, TCP, data);
            final int transport = transport(ipv6, tagged);
            send(sender, header(ipv6 ? TCPV6 : TCPV4, transport, 16), packet);
            final int count = (data + SEGMENT - 1) / SEGMENT;
            int bytes = 0;
            for (final byte[][] segment : receive(guests.getFirst(), count)) {
                assertEquals(0, segment[0][0] | segment[0][1]);
                assertCorrect(segment[1], ipv6, tagged, TCP);
                bytes += segment[1].length - transport - 20;
            }
            assertEquals(data, bytes);
            receive(guests.get(1), count).forEach(segment -> assertEquals(1, segment[0][0]));
            final byte[][] whole = receive(guests.get(2), 1).getFirst();
            assertEquals(ipv6 ? TCPV6 : TCPV4, whole[0][1]);
            assertArrayEquals(packet, whole[1]);
        }
        assertEquals(Map.of(), port.statistics().drops());
    }

    @ParameterizedTest
    @CsvSource({"false", "true"})
    void unsegmentedDatagramsAreSegmented(final boolean ipv6) throws IOException {
        attach(Direction.IN);
        final byte[] packet = packet(ipv6, false, UDP, 9500);
        send(sender(RIGHT), header(DATAGRAMS, transport(ipv6, false), 6), packet);
        receive(guests.getFirst(), 10).forEach(datagram -> assertCorrect(datagram[1], ipv6, false, UDP));
        for (final QueuePair guest : guests.subList(1, 3)) {
            receive(guest, 10).forEach(datagram -> assertEquals(1, datagram[0][0]));
        }
        assertEquals(Map.of(), port.statistics().drops());
    }

    @Test
    void sctpChecksumsAreCompletedAsCrc32c() throws IOException {
        attach(Direction.IN);
        final byte[] packet = packet(false, false, SCTP, 500);
        send(sender(RIGHT), header(0, 34, 8), packet);
        final CRC32C crc = new CRC32C();
        crc.update(packet, 34, packet.length - 34);
        for (final QueuePair guest : guests) {
            final byte[][] got = receive(guest, 1).getFirst();
            assertEquals(0, got[0][0]);
            assertEquals((int) crc.getValue(), ByteBuffer.wrap(got[1]).order(ByteOrder.LITTLE_ENDIAN).getInt(34 + 8));
        }
    }

    /** A VXLAN device sends such packets; the outer checksum is complete or absent. */
    @Test
    void checksumsInsideATunnelAreCompleted() throws IOException {
        attach(Direction.IN);
        final byte[] inner = packet(false, false, TCP, 1300);
        final byte[] packet = packet(false, false, UDP, 8 + inner.length);
        System.arraycopy(inner, 0, packet, 50, inner.length);
        send(sender(RIGHT), header(0, 50 + 34, 16), packet);
        final byte[] completed = receive(guests.getFirst(), 1).getFirst()[1];
        assertCorrect(Arrays.copyOfRange(completed, 50, completed.length), false, false, TCP);
        assertEquals(Map.of(), port.statistics().drops());
    }

    @Test
    void aPortFailsWhileItsInterfaceIsDown() throws IOException, InterruptedException {
        attach(Direction.IN);
        for (int i = 0; i < 2; i++) {
            ip("link", "set", LEFT, "down");
            Await.until(() -> port.state() == PortState.FAILED);
            assertEquals("interface " + LEFT + ": it is down; set it up with: ip link set " + LEFT + " up",
                port.failure());
            ip("link", "set", LEFT, "up");
            Await.until(() -> port.state() == PortState.RUNNING);
        }
        final byte[] packet = packet(false, false, UDP, 100);
        final PacketSocket sender = sender(RIGHT);
        send(sender, header(0, 34, 6), packet);
        assertCorrect(receive(guests.getFirst(), 1).getFirst()[1], false, false, UDP);
    }

    @Test
    void aRecreatedInterfaceIsUsedOnceItIsUp() throws IOException, InterruptedException {
        attach(Direction.IN);
        ip("link", "del", LEFT);
        Await.until(() -> port.state() == PortState.FAILED);
        ip("link", "add", LEFT, "type", "veth", "peer", "name", RIGHT);
        Await.until(() -> port.failure().contains("it is down"));
        ip("link", "set", LEFT, "up");
        Await.until(() -> port.state() == PortState.RUNNING);
    }
}
