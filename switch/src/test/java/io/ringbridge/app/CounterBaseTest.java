package io.ringbridge.app;

import io.ringbridge.config.ConfigReader;
import io.ringbridge.control.frontend.Frontend;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Path;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** Tests that a reset affects the views of one port only, and not the counters themselves. */
class CounterBaseTest {
    @TempDir
    private Path dir;

    @Test
    void viewsCountFromTheReset() throws Exception {
        try (Switch running = Switch.start(ConfigReader.parse("f", "ports: [{name: a, socket: " + dir.resolve("a")
            + "}, {name: b, socket: " + dir.resolve("b") + "}]"))) {
            running.openPorts();
            try (TalkingGuests guests = new TalkingGuests(dir.resolve("a"), dir.resolve("b"),
                Frontend.DEFAULT_FEATURES)) {
                guests.exchange(30);
                running.ports().resetCounters("a");
                assertEquals(List.of(0L, 0L), inFrames(running, "a"));
                guests.exchange(5);
                assertEquals(List.of(5L, 5L), inFrames(running, "a"));
                assertEquals(List.of(35L, 35L), inFrames(running, "b"));
                assertEquals(35, running.portSet().named("a").port().statistics().inFrames());
            }
        }
    }

    /** Returns the frames of a port, by the port's view and by those of its queues. */
    private static List<Long> inFrames(final Switch running, final String port) {
        return List.of(running.ports().view(port).port().inFrames(), running.ports().queues().stream()
            .filter(queue -> queue.port().equals(port)).mapToLong(queue -> queue.inFrames()).sum());
    }
}
