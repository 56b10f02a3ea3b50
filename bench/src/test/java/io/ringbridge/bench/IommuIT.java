package io.ringbridge.bench;

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

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * A Linux guest behind QEMU's IOMMU, which maps every buffer individually and unmaps it after use, and a guest without
 * an IOMMU. Each step continues from the previous one.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class IommuIT {
    private static final String ADDRESS_A = "10.77.0.1";
    private static final String ADDRESS_B = "10.77.0.2";
    private static final Duration COMMAND_LIMIT = Duration.ofSeconds(60);
    private static final Duration ATTACH_LIMIT = Duration.ofSeconds(30);

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
        ringbridge = SwitchProcess.start(new SwitchConfig().set("poll", "adaptive").server("a").iommu()
            .server("b"));
        a = QemuGuest.start(new QemuGuest.Spec("guest-a", "52:54:00:00:01:0a", ADDRESS_A, ringbridge.socket("a"), "")
            .behindIommu(), image, directory);
        b = QemuGuest.boot(new QemuGuest.Spec("guest-b", "52:54:00:00:01:0b", ADDRESS_B, ringbridge.socket("b"), ""),
            image, directory);
        a.awaitBoot();
        ringbridge.awaitState("running", ATTACH_LIMIT, "a", "b");
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
    void theGuestUsesItsIommu() {
        assertTrue(ringbridge.features("a").contains("access_platform"), () -> ringbridge.features("a").toString());
        assertTrue(!ringbridge.features("b").contains("access_platform"), () -> ringbridge.features("b").toString());
        assertEquals("", a.console().check("ls /sys/class/iommu/dmar0 >/dev/null", COMMAND_LIMIT).trim());
    }

    @Test
    @Order(2)
    void guestsReachEachOther() {
        pingBothWays();
        a.console().check("ping -c 3 -s 8000 " + ADDRESS_B, COMMAND_LIMIT);
        b.console().check("ping -c 3 -s 8000 " + ADDRESS_A, COMMAND_LIMIT);
    }

    @Test
    @Order(3)
    void tcpWorksBothWays() {
        b.console().check("iperf3 -s -4 -D -I /tmp/iperf.pid", COMMAND_LIMIT);
        // In the kernel's list, 1451 is the server's port 5201.
        b.console().check("until grep -q :1451 /proc/net/tcp; do usleep 50000; done", COMMAND_LIMIT);
        for (final String direction : new String[] {"", " -R"}) {
            final String output = a.console().check("iperf3 -c " + ADDRESS_B + " -t 3" + direction, COMMAND_LIMIT);
            assertTrue(output.contains("receiver"), output);
        }
    }

    @Test
    @Order(4)
    void theGuestReconnectsAfterStopsAndAReset() {
        for (int i = 0; i < 10; i++) {
            a.qmp().execute("stop");
            a.qmp().execute("cont");
            a.awaitPing(ADDRESS_B);
        }
        a.qmp().execute("system_reset");
        a.awaitBoot();
        pingBothWays();
        assertTrue(ringbridge.features("a").contains("access_platform"), () -> ringbridge.features("a").toString());
    }

    private static void pingBothWays() {
        a.awaitPing(ADDRESS_B);
        b.awaitPing(ADDRESS_A);
        a.console().check("ping -c 5 -i 0.1 " + ADDRESS_B, COMMAND_LIMIT);
        b.console().check("ping -c 5 -i 0.1 " + ADDRESS_A, COMMAND_LIMIT);
    }
}
