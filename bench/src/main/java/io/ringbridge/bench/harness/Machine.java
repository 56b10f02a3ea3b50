package io.ringbridge.bench.harness;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** What this machine has to offer: processors, hugepages, memory to keep files in. */
public final class Machine {
    private static final Path HUGEPAGES = Path.of("/sys/kernel/mm/hugepages/hugepages-2048kB");

    private static final Path CPU_PRESSURE = Path.of("/proc/pressure/cpu");
    private static final int IDLE = 3;
    private static final int WAITING_FOR_DISKS = 4;

    private Machine() {
    }

    /** The processors that this process may run on. */
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

    /** How many processors were busy in a period, with whatever it was. */
    public static double busyCpus(final Duration period) {
        final long[] before = processorTime();
        Await.pass(period);
        final long[] after = processorTime();
        return (double) (after[0] - before[0]) / (after[1] - before[1]) * cpus().size();
    }

    /** What was not idle, and all, since the machine was started. */
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

    /** For how many nanoseconds, since the machine was started, anybody who could run waited for a processor; 0 if not known. */
    public static long cpuPressureNanos() {
        if (!Files.exists(CPU_PRESSURE)) {
            return 0;
        }
        final String some = field(CPU_PRESSURE, "some ");
        return TimeUnit.MICROSECONDS.toNanos(Long.parseLong(some.substring(some.lastIndexOf('=') + 1)));
    }

    /** The model of the processor, as the kernel names it. */
    public static String processor() {
        return field(Path.of("/proc/cpuinfo"), "model name").replaceFirst("^:\\s*", "");
    }

    /** How many 2 MB hugepages nobody uses. */
    public static int freeHugepages() {
        return Files.exists(HUGEPAGES) ? Integer.parseInt(read(HUGEPAGES.resolve("free_hugepages"))) : 0;
    }

    /** Asks the kernel for hugepages until so many are free; returns how many are. It needs the right to, and memory in one piece. */
    public static int reserveHugepages(final int wanted) {
        final int free = freeHugepages();
        final Path total = HUGEPAGES.resolve("nr_hugepages");
        if (free < wanted && Files.isWritable(total)) {
            try {
                Files.writeString(total, Integer.toString(Integer.parseInt(read(total)) + wanted - free));
            } catch (IOException _) {
                // A read-only /sys: the caller learns it from the number that is returned.
                return free;
            }
        }
        return freeHugepages();
    }

    /** Makes a temporary directory, in memory if there is room for so many bytes, with a name short enough for Unix sockets. */
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

    /** Removes a directory and what is in it. */
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
