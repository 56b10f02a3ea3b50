package io.ringbridge.app;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.ringbridge.config.Config;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.datapath.ring.Features;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.nio.file.Path;

/** A switch ends under traffic, and another one is started with the same configuration. */
@Timeout(60)
class RestartTest {
    @TempDir
    private Path dir;

    private Switch start(final int workers, final String poll) {
        final Config config = ConfigReader.parse("test", "workers: " + workers + "\npoll: " + poll + "\nstate: " + dir.resolve("state")
            + "\nports: [{name: a, socket: " + dir.resolve("a") + "}, {name: b, socket: " + dir.resolve("b") + "}]");
        final Switch running = Switch.start(config);
        running.openPorts();
        return running;
    }

    private static long features(final String layout) {
        return Frontend.DEFAULT_FEATURES | Features.of(Features.EVENT_IDX)
            | ("packed".equals(layout) ? Features.of(Features.RING_PACKED) : 0);
    }

    @ParameterizedTest
    @CsvSource({"1, split, adaptive", "1, packed, busy", "2, split, busy", "2, packed, adaptive"})
    void everyFrameThatWasTakenIsDeliveredAtTheEnd(final int workers, final String layout, final String poll) throws Exception {
        final Switch running = start(workers, poll);
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
}
