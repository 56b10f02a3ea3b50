package io.ringbridge.bench.trial;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The scheduling of one thread since its start ({@code schedstat} and {@code sched} in proc(5)).
 *
 * @param ranNanos the time on a processor
 * @param waitedNanos the time in which the thread was runnable and waited for a processor
 * @param migrations the number of times that it changed its processor; 0 if the kernel does not count them
 */
public record ThreadTimes(long ranNanos, long waitedNanos, long migrations) {
    private static final String MIGRATIONS = "se.nr_migrations";

    /** Returns the times of the calling thread, or zeros if the kernel does not count them. */
    public static ThreadTimes own() {
        return of(Path.of("/proc/thread-self")).orElse(new ThreadTimes(0, 0, 0));
    }

    /** Returns the times of all threads of a process, by thread ID; none if the process does not exist. */
    static Map<String, ThreadTimes> ofProcess(final long pid) {
        final Map<String, ThreadTimes> found = new LinkedHashMap<>();
        try (Stream<Path> threads = Files.list(Path.of("/proc", Long.toString(pid), "task"))) {
            threads.forEach(thread -> of(thread).ifPresent(times -> found.put(thread.getFileName().toString(), times)));
        } catch (IOException _) {
            // The process has ended.
            return found;
        }
        return found;
    }

    private static Optional<ThreadTimes> of(final Path thread) {
        try {
            final String[] fields = Files.readString(thread.resolve("schedstat")).strip().split(" ", -1);
            return Optional.of(new ThreadTimes(Long.parseLong(fields[0]), Long.parseLong(fields[1]),
                migrations(thread.resolve("sched"))));
        } catch (IOException _) {
            // The thread has ended, or the kernel does not count.
            return Optional.empty();
        }
    }

    private static long migrations(final Path file) throws IOException {
        if (!Files.exists(file)) {
            return 0;
        }
        return Files.readAllLines(file).stream().filter(line -> line.startsWith(MIGRATIONS)).findFirst()
            .map(line -> Long.parseLong(line.substring(line.indexOf(':') + 1).strip())).orElse(0L);
    }

    /** Returns the times since an earlier moment. */
    public ThreadTimes since(final ThreadTimes earlier) {
        return new ThreadTimes(ranNanos - earlier.ranNanos, waitedNanos - earlier.waitedNanos,
            migrations - earlier.migrations);
    }

    ThreadTimes plus(final ThreadTimes other) {
        return new ThreadTimes(ranNanos + other.ranNanos, waitedNanos + other.waitedNanos,
            migrations + other.migrations);
    }
}
