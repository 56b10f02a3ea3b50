package io.ringbridge.bench.machine;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The resources of this machine: processors, huge pages, and memory for temporary files. */
public final class Machine {
    private static final Path HUGEPAGES = Path.of("/sys/kernel/mm/hugepages/hugepages-2048kB");

    private static final int IDLE = 3;
    private static final int WAITING_FOR_DISKS = 4;

    private Machine() {
    }

    /** Returns the processors on which this process may run. */
    public static List<Integer> cpus() {
        final String line = field(Path.of("/proc/self/status"), "Cpus_allowed_list:");
        final List<Integer> cpus = new ArrayList<>();
        for (final String range : line.split(",", -1)) {
            final String[] ends = range.split("-", -1);
            for (int cpu = Integer.parseInt(ends[0]); cpu <= Integer.parseInt(ends[ends.length - 1]); cpu++) {
                cpus.add(cpu);
            }
        }
        return cpus;
    }

    /** Measures the number of busy processors over a period, for all programs together. */
    public static double busyCpus(final Duration period) {
        final long[] before = processorTime();
        Await.pass(period);
        final long[] after = processorTime();
        return (double) (after[0] - before[0]) / (after[1] - before[1]) * cpus().size();
    }

    /** Returns the busy ticks and all ticks of the processors since the machine was started. */
    private static long[] processorTime() {
        final String[] fields = field(Path.of("/proc/stat"), "cpu ").split(" ", -1);
        long idle = 0;
        long all = 0;
        for (int i = 0; i < fields.length; i++) {
            final long ticks = Long.parseLong(fields[i]);
            all += ticks;
            idle += i == IDLE || i == WAITING_FOR_DISKS ? ticks : 0;
        }
        return new long[] {all - idle, all};
    }

    /** Returns the kernel's name for the model of the processor. */
    public static String processor() {
        return field(Path.of("/proc/cpuinfo"), "model name").replaceFirst("^:\\s*", "");
    }

    /** Returns the number of free huge pages of 2 MB. */
    public static int freeHugepages() {
        return Files.exists(HUGEPAGES) ? Integer.parseInt(read(HUGEPAGES.resolve("free_hugepages"))) : 0;
    }

    /**
     * Reserves huge pages until that many are free. This needs root privileges and contiguous memory.
     *
     * @return the number of free huge pages
     */
    public static int reserveHugepages(final int wanted) {
        final int free = freeHugepages();
        final Path total = HUGEPAGES.resolve("nr_hugepages");
        if (free < wanted && Files.isWritable(total)) {
            try {
                Files.writeString(total, Integer.toString(Integer.parseInt(read(total)) + wanted - free));
            } catch (IOException _) {
                // With a read-only /sys, the returned number is too small.
                return free;
            }
        }
        return freeHugepages();
    }

    /**
     * Creates a temporary directory, in memory if that many bytes are free there. The path is short enough for Unix
     * sockets.
     */
    public static Path temporaryDirectory(final long bytes) {
        final Path memory = Path.of("/dev/shm");
        try {
            if (Files.isWritable(memory) && Files.getFileStore(memory).getUsableSpace() > bytes) {
                return Files.createTempDirectory(memory, "rb");
            }
            return Files.createTempDirectory("rb");
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Deletes a directory and its contents. */
    public static void delete(final Path directory) {
        try (Stream<Path> tree = Files.walk(directory)) {
            for (final Path path : tree.sorted((a, b) -> b.compareTo(a)).toList()) {
                Files.deleteIfExists(path);
            }
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String field(final Path file, final String name) {
        return read(file).lines().filter(line -> line.startsWith(name)).findFirst()
            .map(line -> line.substring(name.length()).trim()).orElse("unknown");
    }

    private static String read(final Path file) {
        try {
            return Files.readString(file).trim();
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
