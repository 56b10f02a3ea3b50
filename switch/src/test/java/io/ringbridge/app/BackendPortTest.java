package io.ringbridge.app;

import io.ringbridge.api.ApiException;
import io.ringbridge.api.PortView;
import io.ringbridge.config.Config;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.testkit.Await;
import io.ringbridge.testkit.OpenDescriptors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests a port of type {@code backend} of a switch, which is attached to another switch of this process. */
@Timeout(120)
class BackendPortTest {
    @TempDir
    private Path dir;

    private Config near() {
        return ConfigReader.parse("near", "state: none\nports: [{name: a, socket: " + dir.resolve("a")
            + "}, {name: up, type: backend, socket: " + dir.resolve("down") + "}]");
    }

    private Switch startFar() {
        return start(ConfigReader.parse("far", "state: none\nports: [{name: b, socket: " + dir.resolve("b")
            + "}, {name: down, socket: " + dir.resolve("down") + "}]"));
    }

    private static Switch start(final Config config) {
        final Switch running = Switch.start(config);
        running.openPorts();
        return running;
    }

    private static PortView port(final Switch running, final String name) {
        return running.ports().view(name).port();
    }

    private static void awaitState(final Switch running, final String name, final String state) {
        Await.until(() -> port(running, name).state().equals(state));
    }

    /** Waits until the port has a session, and its queues move frames. */
    private static void awaitAttached(final Switch near) {
        Await.until(() -> {
            final PortView up = port(near, "up");
            return up.state().equals("running") && !up.features().isEmpty();
        });
    }

    @Test
    void anUpgradeAttachesAnewAndAFailedOneKeepsTheSession() throws Exception {
        Switch near = start(near());
        try (Switch far = startFar();
             TalkingGuests guests = new TalkingGuests(dir.resolve("a"), dir.resolve("b"), Frontend.DEFAULT_FEATURES)) {
            awaitAttached(near);
            guests.exchange(50);
            final long descriptors = OpenDescriptors.count();
            for (int i = 0; i < 2; i++) {
                final Switch before = near;
                assertThrows(HandOverException.class,
                    () -> LocalUpgrade.handOver(dir, before, from -> LocalUpgrade.leaveAfterPositions(from, 2)));
                assertEquals("running", port(near, "up").state());
                guests.exchange(50);
                near = LocalUpgrade.run(dir, near, near());
                awaitAttached(near);
                awaitState(far, "down", "running");
                guests.exchange(50);
            }
            assertEquals(descriptors, OpenDescriptors.count());
            assertEquals(guests.a.sent(), port(near, "up").outFrames());
            assertEquals(guests.a.received(), port(near, "up").inFrames());
        } finally {
            near.close();
        }
    }

    @Test
    void featuresAndStateAreShown() {
        try (Switch near = start(near())) {
            Await.until(() -> port(near, "up").why() != null);
            assertEquals("failed", port(near, "up").state());
            assertTrue(port(near, "up").why().contains(dir.resolve("down").toString()), port(near, "up").why());
            assertEquals(dir.resolve("down").toString(), port(near, "up").socket());
            try (Switch _ = startFar()) {
                awaitAttached(near);
                assertTrue(port(near, "up").features().contains("ring_packed"));
            }
        }
    }

    @Test
    void keysChangeNowOrWithTheNextSession() {
        try (Switch near = start(near()); Switch _ = startFar()) {
            awaitAttached(near);
            final Map<String, String> effects = near.ports().change("up",
                "mtu=1400,vlan=7,description=x,offloads=false,features=version_1+mrg_rxbuf").entrySet().stream()
                .collect(Collectors.toMap(Map.Entry::getKey, change -> change.getValue().effective(), (a, _) -> a,
                    TreeMap::new));
            final String later = "at the next negotiation";
            assertEquals(Map.of("mtu", "now", "vlan", "now", "description", "now", "offloads", later, "features",
                later), effects);
            assertEquals(1400, port(near, "up").mtu());
            assertTrue(port(near, "up").features().contains("ring_packed"));
            assertThrows(ApiException.class, () -> near.ports().change("up", "queues=2"));
            assertThrows(RuntimeException.class, () -> near.ports().change("up", "features=mrg_rxbuf"));
        }
        try (Switch near = start(near())) {
            near.ports().change("up", "features=version_1+mrg_rxbuf");
            try (Switch _ = startFar()) {
                awaitAttached(near);
                assertFalse(port(near, "up").features().contains("ring_packed"));
            }
        }
    }

    @Test
    void portsComeAndGoWithoutTheirBackEnd() {
        try (Switch near = start(ConfigReader.parse("near",
            "state: none\nports: [{name: a, socket: " + dir.resolve("a") + "}]"))) {
            final long descriptors = OpenDescriptors.count();
            near.ports().add("name=x,type=backend,socket=" + dir.resolve("nowhere"));
            near.ports().remove("x");
            assertEquals(descriptors, OpenDescriptors.count());
            assertThrows(RuntimeException.class,
                () -> near.ports().add("name=x,type=backend,socket=" + dir.resolve("a")), "a socket of its own");
        }
    }
}
