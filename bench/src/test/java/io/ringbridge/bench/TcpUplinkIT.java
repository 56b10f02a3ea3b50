package io.ringbridge.bench;

import com.fasterxml.jackson.databind.JsonNode;
import io.ringbridge.bench.harness.GuestImage;
import io.ringbridge.bench.harness.QemuGuest;
import io.ringbridge.bench.machine.Await;
import io.ringbridge.bench.machine.Machine;
import io.ringbridge.bench.machine.ProjectRoot;
import io.ringbridge.bench.peer.SwitchConfig;
import io.ringbridge.bench.peer.SwitchProcess;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * A Linux guest in QEMU and the kernel exchange files over TCP with two network namespaces. One is the switch's own,
 * behind a tap. The other has the far end of a veth pair, whose near end is a pcap port.
 */
class TcpUplinkIT {
    private static final String MAC = "52:54:00:00:03:0a";
    private static final int BYTES = 2_000_000;
    private static final int ETHERNET = 14;
    private static final Duration LIMIT = Duration.ofSeconds(60);

    private static final List<AutoCloseable> OPEN = new ArrayList<>();
    private static Path directory;
    private static NetworkNamespace host;
    private static NetworkNamespace lan;
    private static SwitchProcess ringbridge;
    private static QemuGuest guest;

    @BeforeAll
    static void start() {
        Required.programs(QemuGuest.PROGRAM, "tcpdump", "tshark", "ethtool");
        Required.programs(GuestImage.PROGRAMS.toArray(String[]::new));
        final GuestImage image = Required.resource("guest image",
            () -> GuestImage.create(ProjectRoot.target().resolve("guest")));
        directory = Machine.temporaryDirectory(0);
        OPEN.add(() -> Machine.delete(directory));
        host = opened(NetworkNamespace.create("host"));
        lan = opened(NetworkNamespace.create("lan"));
        host.run("ip", "tuntap", "add", "dev", "tap0", "mode", "tap");
        addresses(host, "tap0", 78);
        host.run("ip", "link", "add", "up0", "type", "veth", "peer", "name", "lan0", "netns", lan.name());
        host.run("ip", "link", "set", "up0", "up");
        addresses(lan, "lan0", 79);
        lan.run("ip", "link", "set", "lan0", "up");
        lan.run("ethtool", "-K", "lan0", "tx", "off", "gso", "off", "tso", "off");
        ringbridge = opened(SwitchProcess.start(new SwitchConfig().inNamespace(host.name())
            .set("poll", "adaptive")
            .server("vm").mtu(9000).tap("tap", "tap0").pcap("wire", Map.of("interface", "up0"))));
        guest = opened(QemuGuest.boot(new QemuGuest.Spec("guest", MAC, "10.78.0.2", ringbridge.socket("vm"), 1, "",
            List.of(), "ipv6.disable=0"), image, directory));
        guest.console().check("echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad; ip address add 10.79.0.2/24 dev eth0;"
            + " ip address add fd00:78::2/64 dev eth0; ip address add fd00:79::2/64 dev eth0", LIMIT);
        ringbridge.awaitState("running", LIMIT, "vm", "tap", "wire");
    }

    private static <T extends AutoCloseable> T opened(final T closeable) {
        OPEN.add(closeable);
        return closeable;
    }

    private static void addresses(final NetworkNamespace namespace, final String device, final int network) {
        namespace.run("ip", "addr", "add", "10." + network + ".0.1/24", "dev", device);
        namespace.run("ip", "addr", "add", "fd00:" + network + "::1/64", "dev", device, "nodad");
    }

    @AfterAll
    static void stop() throws Exception {
        for (final AutoCloseable closeable : OPEN.reversed()) {
            closeable.close();
        }
        OPEN.clear();
    }

    @Test
    void packetsCrossATapUnsegmented() {
        for (final int mtu : new int[] {1500, 9000}) {
            host.run("ip", "link", "set", "tap0", "mtu", Integer.toString(mtu));
            awaitMtu(mtu, "tap");
            final JsonNode before = ringbridge.port("tap");
            assertTransfers(host, 78);
            final JsonNode after = ringbridge.port("tap");
            for (final String direction : List.of("in", "out")) {
                final long frames = difference(before, after, direction + "_frames");
                final long bytes = difference(before, after, direction + "_bytes");
                System.out.printf("tap of MTU %d, %s: %d frames, %d bytes%n", mtu, direction, frames, bytes);
                assertTrue(bytes > frames * (mtu + ETHERNET), () -> direction + ": " + frames + " frames with " + bytes
                    + " bytes");
            }
            assertNoPacketRefused();
        }
    }

    private static long difference(final JsonNode before, final JsonNode after, final String field) {
        return after.path(field).asLong() - before.path(field).asLong();
    }

    /** tcpdump and tshark check the lengths and all checksums on the wire. */
    @Test
    void packetsCrossAWireAsValidFrames() {
        for (final int mtu : new int[] {1500, 9000}) {
            host.run("ip", "link", "set", "up0", "mtu", Integer.toString(mtu));
            lan.run("ip", "link", "set", "lan0", "mtu", Integer.toString(mtu));
            awaitMtu(mtu, "wire");
            final Path captured = directory.resolve("wire-" + mtu + ".pcap");
            try (Tshark _ = Tshark.capture(lan, "lan0", captured, "tcp port " + Host.PORT)) {
                assertTransfers(lan, 79);
            }
            final String valid = "tcp.checksum.status == 1 && ((ipv6 && frame.len == ipv6.plen + 54) || "
                + "(ip.checksum.status == 1 && (frame.len == ip.len + 14))) && frame.len <= " + (mtu + ETHERNET);
            assertEquals(List.of(), Tshark.read(captured, "!(" + valid + ")", "frame.number", "frame.len",
                "tcp.checksum.status"));
            for (final String side : List.of("eth.src", "eth.dst")) {
                for (final String version : List.of("ip", "ipv6")) {
                    final String full = version + " && " + side + " == " + MAC + " && frame.len == " + (mtu + ETHERNET);
                    final int count = Tshark.read(captured, full, "frame.len").size();
                    assertTrue(count > BYTES / mtu / 2, () -> full + ": " + count);
                }
            }
            assertNoPacketRefused();
        }
    }

    /** Sets the guest's MTU, and waits until the port has followed its device to the same MTU. */
    private static void awaitMtu(final int mtu, final String port) {
        guest.console().check("ip link set eth0 mtu " + mtu, LIMIT);
        Await.until("port " + port + " to have MTU " + mtu, LIMIT,
            () -> ringbridge.port(port).path("mtu").asInt() == mtu && ringbridge.hasState("running", port));
    }

    /** Checks a file transfer each way, over IPv4 and over IPv6. */
    private static void assertTransfers(final NetworkNamespace namespace, final int network) {
        final Host inside = Host.of(guest);
        final Host outside = Host.of(namespace, directory);
        inside.assertSends(outside, "10." + network + ".0.1", BYTES);
        outside.assertSends(inside, "10." + network + ".0.2", BYTES);
        inside.assertSends(outside, "fd00:" + network + "::1", BYTES);
        outside.assertSends(inside, "fd00:" + network + "::2", BYTES);
    }

    private static void assertNoPacketRefused() {
        for (final JsonNode port : ringbridge.show("ports")) {
            assertTrue(!port.path("drops").has("mtu-exceeded") && !port.path("drops").has("bad-offload"),
                port::toString);
        }
    }
}
