package io.ringbridge.app;

import io.ringbridge.api.PortView;
import io.ringbridge.config.Config;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.datapath.ring.Features;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests that a switch ends under traffic, and another one starts with the same configuration. */
@Timeout(60)
class RestartTest {
    @TempDir
    private Path dir;

    private Config config(final int workers, final String poll, final String more) {
        return ConfigReader.parse("test", "workers: " + workers + "\npoll: " + poll + "\nstate: " + dir.resolve("state")
            + "\nports: [{name: a, socket: " + dir.resolve("a") + "}, {name: b, socket: " + dir.resolve("b") + "}"
            + more + "]");
    }

    private static Switch start(final Config config) {
        final Switch running = Switch.start(config);
        running.openPorts();
        return running;
    }

    private static long features(final String layout) {
        return Frontend.DEFAULT_FEATURES | Features.of(Features.EVENT_IDX)
            | ("packed".equals(layout) ? Features.of(Features.RING_PACKED) : 0);
    }

    @ParameterizedTest
    @CsvSource({"1, split, adaptive", "1, split, busy", "1, packed, adaptive", "1, packed, busy",
        "2, split, adaptive", "2, split, busy", "2, packed, adaptive", "2, packed, busy"})
    void everyTakenFrameIsDeliveredOnClose(final int workers, final String layout, final String poll) throws Exception {
        final Switch running = start(config(workers, poll, ""));
        try (TalkingGuests guests = new TalkingGuests(dir.resolve("a"), dir.resolve("b"), features(layout))) {
            guests.exchange(10);
            guests.talk();
            guests.awaitMore(500);
            running.close();
            guests.stop();
            guests.a.receive();
            guests.b.receive();
            assertEquals(guests.a.transmitter.completed(), guests.b.received(), "frames from a to b");
            assertEquals(guests.b.transmitter.completed(), guests.a.received(), "frames from b to a");
        } finally {
            running.close();
        }
    }

    /**
     * This includes split rings. Their position is in the guest's memory, but frames of the first guest to reconnect
     * would be flooded to no port.
     */
    @ParameterizedTest
    @CsvSource({"1, split, adaptive", "1, split, busy", "1, packed, adaptive", "1, packed, busy",
        "2, split, adaptive", "2, split, busy", "2, packed, adaptive", "2, packed, busy"})
    void noFrameIsLostIfFrontEndsReconnectOneAfterTheOther(final int workers, final String layout, final String poll)
        throws Exception {
        Switch running = start(config(workers, poll, ""));
        try (TalkingGuests guests = new TalkingGuests(dir.resolve("a"), dir.resolve("b"), features(layout))) {
            guests.exchange(300);
            for (int i = 0; i < 2; i++) {
                guests.talk();
                guests.awaitMore(500);
                running.close();
                guests.stop();
                running = start(config(workers, poll, ""));
                guests.a.frontend.reconnect(dir.resolve("a"));
                while (guests.a.sent() - guests.b.received() < TalkingGuests.WINDOW) {
                    assertTrue(guests.a.send());
                }
                assertEquals(0, running.ports().views().getFirst().inFrames(),
                    "frames taken before all front-ends are back");
                guests.b.frontend.reconnect(dir.resolve("b"));
                guests.settle();
                guests.exchange(300);
                assertEquals(List.of(Map.of(), Map.of()),
                    running.ports().views().stream().map(PortView::drops).toList());
            }
        } finally {
            running.close();
        }
    }

    @Test
    void framesFlowWithoutAPortThatDoesNotReconnect() throws Exception {
        final Config config = config(1, "adaptive", ", {name: c, socket: " + dir.resolve("c") + "}");
        Switch running = start(config);
        try (TalkingGuests guests = new TalkingGuests(dir.resolve("a"), dir.resolve("b"), features("split"))) {
            try (Frontend _ = attach("c")) {
                guests.exchange(10);
                running.close();
            }
            assertEquals(Set.of("a", "b", "c"), recorded());
            running = start(config);
            guests.a.frontend.reconnect(dir.resolve("a"));
            guests.b.frontend.reconnect(dir.resolve("b"));
            guests.exchange(300);
            assertEquals(Set.of("a", "b"), recorded());
        } finally {
            running.close();
        }
    }

    @Test
    void aPortWhoseFrontEndHasLeftIsNotAwaited() throws Exception {
        final Switch running = start(config(1, "adaptive", ""));
        try (Frontend _ = attach("a")) {
            try (Frontend _ = attach("b")) {
                while (!recorded().equals(Set.of("a", "b"))) {
                    Thread.onSpinWait();
                }
            }
            while (recorded().contains("b")) {
                Thread.onSpinWait();
            }
            running.ports().remove("a");
            assertEquals(Set.of(), recorded());
        } finally {
            running.close();
        }
    }

    /** The records are partly written, or from another boot. */
    @ParameterizedTest
    @ValueSource(strings = {"", "{", "{\"boot\":null}", "{\"boot\":\"another\"}", "[]"})
    void anInvalidRecordIsIgnored(final String content) throws Exception {
        Switch running = start(config(1, "adaptive", ""));
        try (TalkingGuests guests = new TalkingGuests(dir.resolve("a"), dir.resolve("b"), features("split"))) {
            guests.exchange(10);
            running.close();
            for (final Path record : records()) {
                Files.writeString(record, content);
            }
            running = start(config(1, "adaptive", ""));
            guests.a.frontend.reconnect(dir.resolve("a"));
            guests.a.send(); // no port receives it
            while (running.ports().views().getFirst().inFrames() == 0) {
                Thread.onSpinWait();
            }
            assertEquals("waiting", running.ports().views().getLast().state());
        } finally {
            running.close();
        }
    }

    private Frontend attach(final String port) throws IOException {
        final Frontend frontend = Frontend.connect(dir.resolve(port));
        frontend.negotiate(features("split"));
        frontend.share(1 << 18);
        frontend.addPair(16, 128);
        frontend.start();
        return frontend;
    }

    private List<Path> records() throws IOException {
        try (Stream<Path> files = Files.walk(dir.resolve("state"))) {
            return files.filter(file -> file.endsWith("attached.json")).toList();
        }
    }

    /** Returns the ports whose attachment is recorded. */
    private Set<String> recorded() throws IOException {
        return records().stream().map(file -> file.getParent().getFileName().toString().replaceAll("-.*", ""))
            .collect(Collectors.toSet());
    }
}
