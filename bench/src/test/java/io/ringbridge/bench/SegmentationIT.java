package io.ringbridge.bench;

import io.ringbridge.bench.harness.PcapWriter;
import io.ringbridge.bench.machine.Await;
import io.ringbridge.bench.machine.Machine;
import io.ringbridge.bench.peer.SwitchConfig;
import io.ringbridge.bench.peer.SwitchProcess;
import io.ringbridge.bench.peer.Testpmd;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * One testpmd offloads checksums and segmentation of TCP packets to the switch. Another testpmd accepts neither
 * offload, and writes received frames to a file. tshark must find exactly the expected segments in the file.
 */
class SegmentationIT {
    private static final int SEGMENT = 1448;
    /** The length of an IPv6 packet with one segment. */
    private static final int MTU = 40 + 20 + SEGMENT;
    private static final int QUEUE_SIZE = 1024;
    private static final String MAC_A = "52:54:00:00:00:a0";
    private static final String MAC_B = "52:54:00:00:00:b0";
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final int ACK = 0x10;
    private static final int PSH = 0x08;
    private static final int FIN = 0x01;
    private static final List<Packet> PACKETS = List.of(
        new Packet(4, 1001, 0xFFFE, 0xFFFF_F000, ACK | PSH | FIN, 12, 20 * SEGMENT + 100),
        new Packet(4, 1002, 7, 1, ACK | PSH, 0, 3 * SEGMENT),
        new Packet(4, 1003, 8, 1, ACK | FIN, 0, SEGMENT + 1),
        new Packet(4, 1004, 9, 5, ACK | PSH, 12, 600),
        new Packet(4, 1005, 0x1234, 0x7FFF_FFFF, ACK | PSH, 0, 65_000),
        new Packet(6, 1006, 0, 1000, ACK | PSH | FIN, 0, 20 * SEGMENT + 1),
        new Packet(6, 1007, 0, 0xFFFF_FFFF, ACK, 0, 2 * SEGMENT),
        new Packet(6, 1008, 0, 1000, ACK | PSH, 0, SEGMENT));

    @TempDir
    private Path directory;

    private SwitchProcess ringbridge;

    /** A TCP packet, and the segments expected from it. Its data is random, with the source port as the seed. */
    private record Packet(int version, int source, int id, int sequence, int flags, int options, int data) {
        private byte[] payload() {
            final byte[] payload = new byte[data];
            new SplittableRandom(source).nextBytes(payload);
            return payload;
        }

        /** Returns the packet with wrong checksums. testpmd replaces them as a driver would. */
        private byte[] frame() {
            final int tcp = 20 + options + data;
            final ByteBuffer frame = ByteBuffer.allocate(14 + (version == 4 ? 20 : 40) + tcp);
            frame.put(HexFormat.ofDelimiter(":").parseHex(MAC_B)).put(HexFormat.ofDelimiter(":").parseHex(MAC_A));
            if (version == 4) {
                frame.putShort((short) 0x0800).putShort((short) 0x4500).putShort((short) (20 + tcp))
                    .putShort((short) id)
                    .putShort((short) 0x4000).putShort((short) 0x4006).putShort((short) 0xFFFF).putInt(0xC612_0001)
                    .putInt(0xC612_0002);
            } else {
                frame.putShort((short) 0x86DD).putInt(0x6000_0000).putShort((short) tcp).putShort((short) 0x0640)
                    .putLong(0xFD00_0000_0000_0000L).putLong(1).putLong(0xFD00_0000_0000_0000L).putLong(2);
            }
            frame.putShort((short) source).putShort((short) 9).putInt(sequence).putInt(77)
                .putShort((short) (((20 + options) / 4 << 12) | flags)).putShort((short) 4096).putInt(0xFFFF_0000);
            if (options > 0) {
                frame.putInt(0x0101_080A).putInt(1).putInt(2); // time stamps
            }
            return frame.put(payload()).array();
        }

        /** Returns the fields that tshark must print for each segment. */
        private List<String> rows() {
            final List<String> rows = new ArrayList<>();
            final byte[] payload = payload();
            for (int at = 0; at < data; at += SEGMENT) {
                final int end = Math.min(data, at + SEGMENT);
                rows.add(String.join("\t", Integer.toString(source),
                    Integer.toString(14 + (version == 4 ? 20 : 40) + 20 + options + end - at),
                    version == 4 ? String.format("0x%04x", (id + at / SEGMENT) & 0xFFFF) : "",
                    version == 4 ? "1" : "",
                    Long.toString((sequence + at) & 0xFFFF_FFFFL),
                    String.format("0x%04x", end < data ? flags & ~(FIN | PSH) : flags),
                    "1",
                    HexFormat.of().formatHex(payload, at, end)));
            }
            return rows;
        }
    }

    @BeforeEach
    void start() throws IOException {
        Required.programs(Testpmd.PROGRAM, "stdbuf", "tshark");
        try (PcapWriter sent = new PcapWriter(directory.resolve("sent.pcap"));
             PcapWriter _ = new PcapWriter(directory.resolve("nothing.pcap"))) {
            for (final Packet packet : PACKETS) {
                final byte[] frame = packet.frame();
                sent.write(frame, frame.length);
            }
        }
        ringbridge = SwitchProcess.start(new SwitchConfig().set("poll", "adaptive").server("a").server("b")
            .mtu(MTU));
    }

    @AfterEach
    void stop() {
        if (ringbridge != null) {
            ringbridge.close();
        }
    }

    @ParameterizedTest(name = "packed_vq={0}, mrg_rxbuf={1}")
    @CsvSource({"0, 1", "1, 0"})
    void aReceiverWithoutOffloadsGetsExactlyTheExpectedSegments(final int packed, final int mergeable) {
        final String options = ",packed_vq=" + packed + ",mrg_rxbuf=" + mergeable + ",in_order=0,queue_size="
            + QUEUE_SIZE;
        final List<String> expected = PACKETS.stream().flatMap(packet -> packet.rows().stream()).toList();
        try (Testpmd receiver = receiver(options); Testpmd sender = sender(options)) {
            ringbridge.awaitState("running", LIMIT, "a", "b");
            final List<String> ofSender = ringbridge.features("a");
            assertTrue(ofSender.containsAll(List.of("csum", "host_tso4", "host_tso6")), ofSender::toString);
            final List<String> ofReceiver = ringbridge.features("b");
            assertTrue(ofReceiver.stream().noneMatch(name -> name.startsWith("guest_")), ofReceiver::toString);
            receiver.command("start");
            sender.command("start");
            assertTrue(Await.holds(LIMIT, () -> receiver.statistics(1).txPackets() >= expected.size()),
                () -> "segments are missing; ports of the switch:\n" + ringbridge.show("ports"));
            sender.quit();
            receiver.quit();
        }
        assertEquals(expected, Tshark.read(directory.resolve("received.pcap"), "frame", "tcp.srcport", "frame.len",
            "ip.id", "ip.checksum.status", "tcp.seq_raw", "tcp.flags", "tcp.checksum.status", "tcp.payload"));
        assertTrue(ringbridge.port("b").path("drops").isEmpty(), () -> ringbridge.show("ports").toString());
    }

    private Testpmd sender(final String options) {
        final Testpmd sender = new Testpmd.Builder("ringbridge-cut", Machine.cpus().getLast())
            .device(Testpmd.pcap(0, directory.resolve("sent.pcap"), directory.resolve("back.pcap")))
            .device(Testpmd.virtioUser(0, ringbridge.socket("a"), MAC_A, options))
            .option("--no-flush-rx").option("--port-topology=paired").option("--eth-peer=1," + MAC_B).start();
        final String tso = "tso set " + SEGMENT + " 1";
        for (final String command : List.of("port stop 1", "csum set tcp hw 1", tso, "port start 1", "set fwd csum")) {
            sender.command(command);
        }
        return sender;
    }

    private Testpmd receiver(final String options) {
        return new Testpmd.Builder("ringbridge-take", Machine.cpus().getLast())
            .device(Testpmd.virtioUser(0, ringbridge.socket("b"), MAC_B, options))
            .device(Testpmd.pcap(0, directory.resolve("nothing.pcap"), directory.resolve("received.pcap")))
            .option("--no-flush-rx").option("--port-topology=paired").option("--rxd=" + QUEUE_SIZE)
            .option("--forward-mode=io").start();
    }
}
