package io.ringbridge.app.demo;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.stream.Stream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests that the warm-up ends and leaves nothing open. It would not end if a frame were lost or out of order. */
@Timeout(120)
class WarmUpTest {
    @Test
    void itOpensNothingMoreAndLeavesNothing() throws Exception {
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
        assertTrue(most > open.size() && most <= prepared,
            () -> "open before, prepared, at the end: " + open.size() + ", " + prepared);
        assertEquals(open, open());
        assertEquals(workers, workers());
    }

    @Test
    void anUnusedWarmUpLeavesNothing() {
        final List<String> open = open();
        WarmUp.prepare().orElseThrow().close();
        assertEquals(open, open());
    }

    /** Returns the open memory files and anonymous files, such as eventfds. */
    private static List<String> open() {
        try (Stream<Path> list = Files.list(Path.of("/proc/self/fd"))) {
            return list.map(WarmUpTest::target)
                .filter(target -> target.startsWith("/memfd:") || target.startsWith("anon_inode:"))
                .sorted().toList();
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String target(final Path descriptor) {
        try {
            return Files.readSymbolicLink(descriptor).toString();
        } catch (final IOException e) {
            return ""; // closed in the meantime
        }
    }

    private static List<String> workers() {
        return Thread.getAllStackTraces().keySet().stream().map(Thread::getName)
            .filter(name -> name.startsWith("rb-worker"))
            .sorted().toList();
    }
}
