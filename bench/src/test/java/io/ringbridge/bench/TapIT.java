package io.ringbridge.bench;

import io.ringbridge.bench.machine.Await;
import io.ringbridge.bench.peer.SwitchConfig;
import io.ringbridge.bench.peer.SwitchProcess;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertTrue;

/** A switch in a network namespace. Guests in this process are on two ports, and the kernel is behind a tap. */
class TapIT {
    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final List<AutoCloseable> open = new ArrayList<>();
    private NetworkNamespace namespace;
    private SwitchProcess ringbridge;
    private Station guest;
    private Station other;

    @BeforeEach
    void start() throws IOException {
        Required.programs("ping");
        namespace = opened(NetworkNamespace.create("tap"));
        makeTap();
        ringbridge = opened(SwitchProcess.start(new SwitchConfig().inNamespace(namespace.name())
            .set("poll", "adaptive")
            .server("a").mtu(9000).server("b").mtu(9000).tap("up", "tap0")));
        guest = opened(new Station(ringbridge, "a", 2));
        other = opened(new Station(ringbridge, "b", 3));
        ringbridge.awaitState("running", LIMIT, "a", "b", "up");
    }

    private <T extends AutoCloseable> T opened(final T closeable) {
        open.add(closeable);
        return closeable;
    }

    private void makeTap() {
        namespace.run("ip", "tuntap", "add", "dev", "tap0", "mode", "tap");
        namespace.run("ip", "addr", "add", "10.78.0.1/24", "dev", "tap0");
    }

    @AfterEach
    void stop() throws Exception {
        for (final AutoCloseable closeable : open.reversed()) {
            closeable.close();
        }
    }

    /** The kernel sends an ARP request and pings, and the guest answers both like a host. */
    @Test
    void theKernelAndAGuestReachEachOtherAtEveryMtu() {
        guest.assertAnswers(namespace, 1500 - 28);
        namespace.run("ip", "link", "set", "tap0", "mtu", "9000");
        Await.until("the port to follow the device's MTU", LIMIT,
            () -> ringbridge.port("up").path("mtu").asInt() == 9000);
        guest.assertAnswers(namespace, 9000 - 28);
        assertTrue(ringbridge.port("up").path("in_frames").asLong() > 0);
        assertTrue(ringbridge.port("up").path("out_frames").asLong() > 0);
        boolean learned = false;
        for (final var station : ringbridge.show("fdb")) {
            learned |= "up".equals(station.path("port").asText());
        }
        assertTrue(learned, "the switch has learned the kernel's address at the tap");
    }

    @Test
    void aRemovedDeviceComesBackAndTheOtherPortsNeverStop() {
        guest.assertAnswers(namespace, 56);
        namespace.run("ip", "link", "del", "tap0");
        Await.until("the port to fail", LIMIT,
            () -> exchange() && "failed".equals(ringbridge.port("up").path("state").asText()));
        assertTrue(ringbridge.port("up").path("failure").asText().contains("gone"));
        makeTap();
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
}
