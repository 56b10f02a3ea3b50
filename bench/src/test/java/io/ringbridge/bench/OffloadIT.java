package io.ringbridge.bench;

import com.fasterxml.jackson.databind.JsonNode;
import io.ringbridge.bench.harness.GuestImage;
import io.ringbridge.bench.harness.QemuGuest;
import io.ringbridge.bench.machine.Machine;
import io.ringbridge.bench.machine.ProjectRoot;
import io.ringbridge.bench.peer.SwitchConfig;
import io.ringbridge.bench.peer.SwitchProcess;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Linux guests in QEMU, one of which negotiates every offload. Its large packets must reach a similar guest
 * unsegmented. They must reach a guest without offloads as segments, with all checksums. Each step continues from the
 * previous one.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class OffloadIT {
    private static final String NO_OFFLOADS =
        ",guest_csum=off,guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=off,mrg_rxbuf=off";
    private static final int MTU = 1500;
    private static final int LARGE = 10_000;
    private static final int BYTES = 1_000_000;
    private static final Duration LIMIT = Duration.ofSeconds(60);

    private static Path directory;
    private static GuestImage image;
    private static SwitchProcess ringbridge;
    private static QemuGuest a;
    private static QemuGuest b;

    @BeforeAll
    static void boot() {
        Required.programs(QemuGuest.PROGRAM, "ethtool", "tcpdump", "tshark");
        Required.programs(GuestImage.PROGRAMS.toArray(String[]::new));
        image = Required.resource("guest image", () -> GuestImage.create(ProjectRoot.target().resolve("guest"),
            "ethtool", "tcpdump"));
        directory = Machine.temporaryDirectory(0);
        ringbridge = SwitchProcess.start(new SwitchConfig().set("poll", "adaptive").server("a").server("b"));
        a = startGuest("a", 1, "");
        b = startGuest("b", 2, "");
        awaitBoot(a, 1);
        awaitBoot(b, 2);
        ringbridge.awaitState("running", LIMIT, "a", "b");
    }

    /** Starts a guest whose second serial port is written to a file. */
    private static QemuGuest startGuest(final String port, final int number, final String device) {
        final List<String> devices = List.of("-chardev", "file,id=captured,path=" + captured(port),
            "-device", "isa-serial,chardev=captured,index=1");
        return QemuGuest.start(new QemuGuest.Spec("guest-" + port, "52:54:00:00:01:0" + number, "10.77.0." + number,
            ringbridge.socket(port), 1, device, devices, "ipv6.disable=0"), image, directory);
    }

    private static void awaitBoot(final QemuGuest guest, final int number) {
        guest.awaitBoot();
        guest.console().check("echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad; ip address add fd00:77::" + number
            + "/64 dev eth0", LIMIT);
    }

    private static Path captured(final String port) {
        return directory.resolve(port + ".pcap");
    }

    @AfterAll
    static void end() throws Exception {
        for (final AutoCloseable each : new AutoCloseable[] {a, b, ringbridge}) {
            if (each != null) {
                each.close();
            }
        }
        if (directory != null) {
            Machine.delete(directory);
        }
    }

    @Test
    @Order(1)
    void largePacketsReachAGuestWithOffloadsUnsegmented() {
        final List<String> features = ringbridge.features("b");
        assertTrue(features.containsAll(List.of("guest_csum", "guest_tso4", "guest_tso6")), features::toString);
        b.console().check("iperf3 -s -D -I /tmp/iperf.pid", LIMIT);
        // In the kernel's list, 1451 is the server's port 5201.
        b.console().check("until grep -qs :1451 /proc/net/tcp /proc/net/tcp6; do usleep 50000; done", LIMIT);
        for (final String address : List.of("10.77.0.2", "fd00:77::2")) {
            assertMean("a", LARGE, () -> a.console().check("iperf3 -t 2 -c " + address, LIMIT));
            assertMean("b", LARGE, () -> a.console().check("iperf3 -t 2 -R -c " + address, LIMIT));
        }
    }

    @Test
    @Order(2)
    void largePacketsReachAGuestWithoutOffloadsAsSegments() {
        b.close();
        ringbridge.awaitState("waiting", LIMIT, "b");
        b = startGuest("b", 2, NO_OFFLOADS);
        awaitBoot(b, 2);
        ringbridge.awaitState("running", LIMIT, "b");
        final List<String> features = ringbridge.features("b");
        assertTrue(features.stream().noneMatch(name -> name.startsWith("guest_") && !name.equals("guest_announce")),
            features::toString);
        startCapture();
        for (final String network : List.of("10.77.0.", "fd00:77::")) {
            assertMean("a", 2 * MTU, () -> Host.of(a).assertSends(Host.of(b), network + 2, BYTES));
        }
        endCapture();
        final String valid = "tcp.checksum.status == 1 && (ipv6 || ip.checksum.status == 1) && frame.len <= "
            + (14 + MTU);
        assertEquals(List.of(), Tshark.read(captured("b"), "!(" + valid + ")", "frame.len", "tcp.checksum.status",
            "ip.checksum.status"));
        for (final String version : List.of("ip", "ipv6")) {
            final long bytes = Tshark.read(captured("b"), version, "tcp.len").stream().mapToLong(Long::parseLong).sum();
            assertTrue(bytes >= BYTES, () -> "captured bytes of " + version + ": " + bytes);
        }
        for (final String network : List.of("10.77.0.", "fd00:77::")) {
            Host.of(b).assertSends(Host.of(a), network + 1, BYTES);
        }
        assertEquals("0", b.console().check("awk '/^Tcp: [0-9]/ {print $NF}' /proc/net/snmp", LIMIT).strip(),
            "wrong checksums");
    }

    /** Starts capturing the packets received by b. Turns off GRO first, with which b's kernel would merge segments. */
    private static void startCapture() {
        b.console().check("ethtool -K eth0 gro off", LIMIT);
        b.console().check("mkdir -p /etc; echo root:x:0:0::/:/bin/sh >/etc/passwd", LIMIT);
        b.console().check("tcpdump -Z root -U -B 16384 -i eth0 -w /tmp/captured tcp dst port " + Host.PORT
            + " 2>/tmp/tcpdump & echo $! >/tmp/tcpdump.pid", LIMIT);
        b.console().check("until grep -q listening /tmp/tcpdump; do usleep 50000; done", LIMIT);
    }

    /** Ends the capture when its file is complete, which is some time after the guest has received the packets. */
    private static void endCapture() {
        b.console().check("n=0; until [ $n -gt " + 2 * BYTES + " ] && [ $n = $(wc -c </tmp/captured) ]; "
            + "do n=$(wc -c </tmp/captured); sleep 1; done", LIMIT);
        b.console().check("kill -INT $(cat /tmp/tcpdump.pid)", LIMIT);
        b.console().check("while kill -0 $(cat /tmp/tcpdump.pid) 2>/dev/null; do usleep 50000; done", LIMIT);
        assertTrue(b.console().check("cat /tmp/tcpdump", LIMIT).contains("0 packets dropped by kernel"));
        b.console().check("stty -F /dev/ttyS1 raw; cat /tmp/captured >/dev/ttyS1", LIMIT);
    }

    /** Checks the mean length of the packets that a guest sends meanwhile, by the switch's own counters. */
    private static void assertMean(final String port, final int minimum, final Runnable sending) {
        final JsonNode before = ringbridge.port(port);
        sending.run();
        final JsonNode after = ringbridge.port(port);
        final long frames = after.path("in_frames").asLong() - before.path("in_frames").asLong();
        final long bytes = after.path("in_bytes").asLong() - before.path("in_bytes").asLong();
        System.out.printf("%d frames from %s, mean length %d bytes%n", frames, port, bytes / frames);
        assertTrue(bytes > (long) minimum * frames, () -> frames + " frames with " + bytes + " bytes from " + port);
    }
}
