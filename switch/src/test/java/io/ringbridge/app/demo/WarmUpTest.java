package io.ringbridge.app.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.stream.Stream;

/** The warm-up comes to its end, which a frame lost or out of order would prevent, and leaves nothing behind. */
@Timeout(120)
class WarmUpTest {
    @Test
    void itTakesNothingMoreAndLeavesNothing() throws Exception {
        final List<String> open = open();
        final List<String> workers = workers();
        final WarmUp warmUp = WarmUp.prepare().orElseThrow();
        final int prepared = open().size();
        final FutureTask<Void> running = new FutureTask<>(() -> {
            warmUp.run();
            return null;
        });
        Thread.ofPlatform().start(running);
        int most = 0;
        while (!running.isDone()) {
            most = Math.max(most, open().size());
        }
        running.get();
        assertTrue(most > open.size() && most <= prepared, () -> "open before, prepared, at the end: " + open.size() + ", " + prepared);
        assertEquals(open, open());
        assertEquals(workers, workers());
    }

    @Test
    void oneThatIsNotBegunLeavesNothingEither() {
        final List<String> open = open();
        WarmUp.prepare().orElseThrow().close();
        assertEquals(open, open());
    }

    /** Guests' memory, events and the like. */
    private static List<String> open() {
        try (Stream<Path> list = Files.list(Path.of("/proc/self/fd"))) {
            return list.map(WarmUpTest::target).filter(target -> target.startsWith("/memfd:") || target.startsWith("anon_inode:"))
                .sorted().toList();
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String target(final Path descriptor) {
        try {
            return Files.readSymbolicLink(descriptor).toString();
        } catch (final IOException e) {
            return ""; // closed by now
        }
    }

    private static List<String> workers() {
        return Thread.getAllStackTraces().keySet().stream().map(Thread::getName).filter(name -> name.startsWith("rb-worker"))
            .sorted().toList();
    }
}
