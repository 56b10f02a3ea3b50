package io.ringbridge.bench;

import io.ringbridge.bench.machine.Await;
import io.ringbridge.bench.peer.Program;
import io.ringbridge.bench.peer.SwitchConfig;
import io.ringbridge.bench.peer.SwitchProcess;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * A switch in a network namespace. Guests in this process are on two ports, and one end of a veth pair to the kernel is
 * a third port.
 */
class PcapIT {
    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final int SEGMENT = 1448;

    @TempDir
    private Path directory;

    private final List<AutoCloseable> open = new ArrayList<>();
    private NetworkNamespace namespace;
    private SwitchProcess ringbridge;
    private Station guest;
    private Station other;

    @BeforeEach
    void start() throws IOException {
        Required.programs("ping", "tcpdump", "tshark");
        namespace = opened(NetworkNamespace.create("pcap"));
        makeWire();
        ringbridge = opened(SwitchProcess.start(new SwitchConfig().inNamespace(namespace.name())
            .set("poll", "adaptive")
            .server("a").mtu(9000).server("b").mtu(9000).pcap("up", Map.of("interface", "up0"))
            .pcap("record", Map.of("write", recorded().toString()))));
        guest = opened(new Station(ringbridge, "a", 2));
        other = opened(new Station(ringbridge, "b", 3));
        ringbridge.awaitState("running", LIMIT, "a", "b", "up", "record");
    }

    private Path recorded() {
        return directory.resolve("recorded.pcap");
    }

    private void makeWire() {
        namespace.run("ip", "link", "add", "up0", "type", "veth", "peer", "name", "lan0");
        namespace.run("ip", "link", "set", "up0", "up");
        namespace.run("ip", "link", "set", "lan0", "up");
        namespace.run("ip", "addr", "add", "10.78.0.1/24", "dev", "lan0");
    }

    private <T extends AutoCloseable> T opened(final T closeable) {
        open.add(closeable);
        return closeable;
    }

    @AfterEach
    void stop() throws Exception {
        for (final AutoCloseable closeable : open.reversed()) {
            closeable.close();
        }
    }

    @Test
    void theKernelAndAGuestReachEachOtherAtEveryMtu() {
        guest.assertAnswers(namespace, 1500 - 28);
        namespace.run("ip", "link", "set", "up0", "mtu", "9000");
        namespace.run("ip", "link", "set", "lan0", "mtu", "9000");
        Await.until("the port to follow the interface's MTU", LIMIT,
            () -> ringbridge.port("up").path("mtu").asInt() == 9000 && exchange()
                && "running".equals(ringbridge.port("up").path("state").asText()));
        guest.assertAnswers(namespace, 9000 - 28);
        assertTrue(ringbridge.port("up").path("drops").isEmpty(), () -> ringbridge.port("up").toString());
        // The ARP request for the guest's address is a broadcast, which the recording port receives too.
        final String request = "arp.opcode == 1 && arp.dst.proto_ipv4 == 10.78.0.2";
        assertEquals("10.78.0.1", Tshark.read(recorded(), request, "arp.src.proto_ipv4").getFirst());
    }

    /** tcpdump and tshark check the segments at the far end of the wire. */
    @Test
    void theSwitchSegmentsLargePacketsForTheWire() throws IOException {
        guest.assertAnswers(namespace, 56);
        final int data = 20 * SEGMENT + 100;
        try (Tshark wire = Tshark.capture(namespace, "lan0", directory.resolve("captured.pcap"), "tcp dst port 9")) {
            guest.send(header(), packet(data));
            final List<String> rows = wire.await(21, "tcp", "frame.len", "tcp.seq_raw", "tcp.len", "ip.checksum.status",
                "tcp.checksum.status", "tcp.flags");
            for (int i = 0; i < rows.size(); i++) {
                final int length = i < 20 ? SEGMENT : 100;
                assertEquals(String.join("\t", Integer.toString(14 + 20 + 20 + length),
                    Integer.toString(1000 + i * SEGMENT),
                    Integer.toString(length), "1", "1", i < 20 ? "0x0010" : "0x0018"), rows.get(i), "segment " + i);
            }
            assertEquals(21, rows.size());
        }
    }

    private static byte[] header() {
        return ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN)
            .put((byte) 1).put((byte) 1).putShort((short) 54).putShort((short) SEGMENT).putShort((short) 34)
            .putShort((short) 16).array();
    }

    /** Returns a TCP packet to the kernel with that much data, without a checksum and to be segmented by the switch. */
    private byte[] packet(final int data) {
        final String link = namespace.run("cat", "/sys/class/net/lan0/address").strip();
        final ByteBuffer frame = ByteBuffer.allocate(54 + data);
        for (final String octet : link.split(":", -1)) {
            frame.put((byte) Integer.parseInt(octet, 16));
        }
        frame.put(guest.mac()).putShort((short) 0x0800);
        frame.putShort((short) 0x4500).putShort((short) (40 + data)).putInt(0x00010000).putShort((short) 0x4006)
            .putShort((short) 0)
            .putInt(0x0A4E0002).putInt(0x0A4E0001);
        frame.putShort((short) 4000).putShort((short) 9).putInt(1000).putInt(1).putShort((short) 0x5018)
            .putShort((short) 1000);
        int sum = 6 + 20 + data + 2 * 0x0A4E + 2
            + 1; // a driver writes the pseudo-header's sum: addresses, protocol and length
        sum = (sum & 0xFFFF) + (sum >> 16);
        frame.putShort((short) sum).putShort((short) 0);
        for (int i = 0; i < data; i++) {
            frame.put((byte) (i * 7));
        }
        return frame.array();
    }

    @Test
    void aRemovedInterfaceComesBackAndTheOtherPortsNeverStop() {
        guest.assertAnswers(namespace, 56);
        namespace.run("ip", "link", "del", "up0");
        Await.until("the port to fail", LIMIT,
            () -> exchange() && "failed".equals(ringbridge.port("up").path("state").asText()));
        makeWire();
        Await.until("the port to resume", LIMIT,
            () -> exchange() && "running".equals(ringbridge.port("up").path("state").asText()));
        guest.assertAnswers(namespace, 56);
    }

    /** Checks that a frame each way between the two guests arrives unchanged. */
    private boolean exchange() {
        guest.assertReaches(other, 100);
        other.assertReaches(guest, 100);
        return true;
    }

    @Test
    void errorsAreReportedInOneLine() {
        assertReports("name=x,type=pcap,interface=nowhere", "port x: interface nowhere: no such interface");
        assertReports("name=x,type=pcap,read=/nowhere.pcap", "port x: capture /nowhere.pcap: no such file");
        assertReports("name=x,type=pcap,write=/nowhere/x.pcap",
            "port x: capture /nowhere/x.pcap: cannot be written: no such directory");
        Required.programs("setpriv");
        final String refused = failingOutput("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
            "--bounding-set=-net_raw",
            SwitchProcess.launcher().toString(), "run", "--port", "name=x,type=pcap,interface=up0");
        assertTrue(refused.contains("port x: interface up0: "), refused);
        assertFalse(refused.contains("Exception"), refused);
    }

    private void assertReports(final String port, final String message) {
        final String output = failingOutput(SwitchProcess.launcher().toString(), "run", "--port", port);
        assertTrue(output.contains(message), output);
        assertFalse(output.contains("Exception"), output);
    }

    private String failingOutput(final String... command) {
        try (Program program = namespace.start(command)) {
            assertTrue(program.awaitExit(LIMIT) != 0, () -> program.output().tail());
            return program.output().since(0);
        }
    }
}
