package io.ringbridge.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
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
import java.util.Set;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Two Linux guests in QEMU on two ports. They reach each other after every disturbance. Each step continues from the
 * previous one.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class QemuIT {
    private static final String ADDRESS_A = "10.77.0.1";
    private static final String ADDRESS_B = "10.77.0.2";
    private static final String MAC_A = "52:54:00:00:01:0a";
    private static final String MAC_B = "52:54:00:00:01:0b";
    private static final int PAUSES = 50;
    private static final Duration COMMAND_LIMIT = Duration.ofSeconds(30);
    private static final Duration ATTACH_LIMIT = Duration.ofSeconds(30);
    private static final ObjectMapper JSON = new ObjectMapper();

    private static Path directory;
    private static GuestImage image;
    private static SwitchProcess ringbridge;
    private static QemuGuest a;
    private static QemuGuest b;

    @BeforeAll
    static void boot() {
        Required.programs(QemuGuest.PROGRAM);
        Required.programs(GuestImage.PROGRAMS.toArray(String[]::new));
        image = Required.resource("guest image", () -> GuestImage.create(ProjectRoot.target().resolve("guest")));
        directory = Machine.temporaryDirectory(0);
        ringbridge = SwitchProcess.start(new SwitchConfig().set("poll", "adaptive").server("a").server("b"));
        a = startA();
        b = bootB();
        a.awaitBoot();
        ringbridge.awaitState("running", ATTACH_LIMIT, "a", "b");
    }

    private static QemuGuest startA() {
        return QemuGuest.start(new QemuGuest.Spec("guest-a", MAC_A, ADDRESS_A, ringbridge.socket("a"), ""), image,
            directory);
    }

    private static QemuGuest bootB() {
        return QemuGuest.boot(new QemuGuest.Spec("guest-b", MAC_B, ADDRESS_B, ringbridge.socket("b"), ""), image,
            directory);
    }

    @AfterAll
    static void end() {
        for (final AutoCloseable each : new AutoCloseable[] {a, b, ringbridge}) {
            close(each);
        }
        if (directory != null) {
            Machine.delete(directory);
        }
    }

    private static void close(final AutoCloseable resource) {
        if (resource == null) {
            return;
        }
        try {
            resource.close();
        } catch (final Exception e) {
            throw new AssertionError("cannot close " + resource, e);
        }
    }

    @Test
    @Order(1)
    void guestsFindAndPingEachOther() {
        pingBothWays();
        assertTrue(neighbours(a).contains(MAC_B), () -> neighbours(a));
        assertTrue(neighbours(b).contains(MAC_A), () -> neighbours(b));
        // 8000 bytes do not fit into one frame and are sent as fragments.
        a.console().check("ping -c 3 -s 8000 " + ADDRESS_B, COMMAND_LIMIT);
        b.console().check("ping -c 3 -s 8000 " + ADDRESS_A, COMMAND_LIMIT);
    }

    @Test
    @Order(2)
    void tcpWorksBothWays() {
        startServer();
        for (final String direction : new String[] {"", " -R"}) {
            final JsonNode end = measure("-t 3" + direction).path("end");
            assertTrue(end.path("sum_received").path("bytes").asLong() > 0, end::toString);
        }
    }

    @Test
    @Order(3)
    void udpWorksBothWays() {
        startServer();
        for (final String direction : new String[] {"", " -R"}) {
            final JsonNode sum = measure("-u -b 5M -t 3" + direction).path("end").path("sum");
            final long sent = sum.path("packets").asLong();
            final long lost = sum.path("lost_packets").asLong();
            assertTrue(sent > 0 && lost * 10 <= sent, sum::toString);
        }
    }

    @Test
    @Order(4)
    void guestsReachEachOtherAfterStops() {
        for (int i = 0; i < PAUSES; i++) {
            b.qmp().execute("stop");
            // A frame for a stopped guest is lost or late, but does no other harm.
            a.console().run("ping -c 1 -W 1 " + ADDRESS_B + " >/tmp/paused 2>&1 &", COMMAND_LIMIT);
            b.qmp().execute("cont");
            a.awaitPing(ADDRESS_B);
        }
        pingBothWays();
    }

    @Test
    @Order(5)
    void guestsReachEachOtherAfterAReset() {
        b.qmp().execute("system_reset");
        b.awaitBoot();
        pingBothWays();
    }

    @Test
    @Order(6)
    void killingOneGuestDoesNotDisturbTheOther() {
        final Set<String> sockets = a.sockets();
        final String carrier = carrierChanges(a);
        b.kill();
        ringbridge.awaitState("waiting", ATTACH_LIMIT, "b");
        assertUndisturbed(sockets, carrier);
        a.console().run("ping -c 2 -W 1 " + ADDRESS_B, COMMAND_LIMIT);
        assertUndisturbed(sockets, carrier);
        b = bootB();
        pingBothWays();
        assertUndisturbed(sockets, carrier);
    }

    @Test
    @Order(7)
    void guestsDoNotNoticeAnUpgradeUnderTraffic() {
        startServer();
        final Set<String> sockets = a.sockets();
        final Set<String> socketsB = b.sockets();
        final String carrier = carrierChanges(a);
        final String carrierB = carrierChanges(b);
        a.console().check("iperf3 -J -c " + ADDRESS_B + " -t 12 >/tmp/upgraded & echo $! >/tmp/upgraded.pid",
            COMMAND_LIMIT);
        for (int i = 0; i < 2; i++) {
            System.out.printf("upgrade under iperf3: no frame moved for %.1f ms%n",
                ringbridge.upgrade().path("pause_millis").asDouble());
        }
        a.console().check("while kill -0 $(cat /tmp/upgraded.pid) 2>/dev/null; do usleep 100000; done", COMMAND_LIMIT);
        final String text = a.console().check("cat /tmp/upgraded", COMMAND_LIMIT);
        try {
            final JsonNode sum = JSON.readTree(text).path("end").path("sum_received");
            assertTrue(sum.path("bytes").asLong() > 0, text);
        } catch (final JsonProcessingException e) {
            throw new AssertionError("the output of iperf3 is not JSON: " + text, e);
        }
        assertUndisturbed(sockets, carrier);
        assertEquals(socketsB, b.sockets());
        assertEquals(carrierB, carrierChanges(b));
        pingBothWays();
    }

    private static void assertUndisturbed(final Set<String> sockets, final String carrier) {
        assertTrue(a.isAlive(), "the other guest's QEMU");
        assertEquals(sockets, a.sockets(), "the other guest's connections");
        assertEquals(carrier, carrierChanges(a), "the other guest's link changes");
        assertEquals("running", ringbridge.port("a").path("state").asText());
    }

    private static String carrierChanges(final QemuGuest guest) {
        return guest.console().check("cat /sys/class/net/eth0/carrier_changes", COMMAND_LIMIT).trim();
    }

    private static void pingBothWays() {
        a.awaitPing(ADDRESS_B);
        b.awaitPing(ADDRESS_A);
        a.console().check("ping -c 5 -i 0.1 " + ADDRESS_B, COMMAND_LIMIT);
        b.console().check("ping -c 5 -i 0.1 " + ADDRESS_A, COMMAND_LIMIT);
    }

    private static String neighbours(final QemuGuest guest) {
        return guest.console().check("cat /proc/net/arp", COMMAND_LIMIT);
    }

    private static void startServer() {
        // In the kernel's list, 1451 is the server's port 5201.
        b.console().check("[ -e /tmp/iperf.pid ] || iperf3 -s -4 -D -I /tmp/iperf.pid", COMMAND_LIMIT);
        b.console().check("until grep -q :1451 /proc/net/tcp; do usleep 50000; done", COMMAND_LIMIT);
    }

    private static JsonNode measure(final String options) {
        final String text = a.console().check("iperf3 -J -c " + ADDRESS_B + " " + options, COMMAND_LIMIT);
        try {
            return JSON.readTree(text);
        } catch (final JsonProcessingException e) {
            throw new AssertionError("the output of iperf3 is not JSON: " + text, e);
        }
    }
}
