package io.ringbridge.bench.trial;

import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;

/**
 * Observes the machine during one trial. Time counts between {@link #start} and {@link #stop}, which may alternate.
 * Samples are taken in between, so that they do not count as disturbances.
 */
public final class Watch {
    /** A thread that ran for a smaller share of the time is not part of the load. */
    private static final double BUSY = 0.1;
    private static final int STEAL = 8;
    private static final Path STAT = Path.of("/proc/stat");

    private final Probe probe;
    private final List<Integer> cpus;
    private final List<Long> processes;
    private final List<Probe.Sample> samples = new ArrayList<>();
    private final Map<String, ThreadTimes> threads = new HashMap<>();
    private final Map<Integer, long[]> ticks = new HashMap<>();
    private Moment begun;
    private long nanos;
    private long compiledNanos;

    /**
     * Prepares to observe.
     *
     * @param cpus the processors that the trial uses
     * @param processes the IDs of the processes whose threads carry the trial
     */
    public Watch(final Probe probe, final Collection<Integer> cpus, final Collection<Long> processes) {
        this.probe = probe;
        this.cpus = List.copyOf(cpus);
        this.processes = List.copyOf(processes);
        begun = Moment.now(this.cpus, this.processes);
    }

    /** The counters of one moment. */
    private record Moment(long nanos, long compiledNanos, Map<Integer, long[]> ticks,
        Map<String, ThreadTimes> threads) {
        static Moment now(final List<Integer> cpus, final List<Long> processes) {
            final Map<String, ThreadTimes> threads = new HashMap<>();
            processes.forEach(pid -> threads.putAll(ThreadTimes.ofProcess(pid)));
            return new Moment(System.nanoTime(), totalCompiledNanos(), processorTicks(cpus), threads);
        }

        private static long totalCompiledNanos() {
            final @Nullable CompilationMXBean compiler = ManagementFactory.getCompilationMXBean();
            return compiler == null || !compiler.isCompilationTimeMonitoringSupported() ? 0
                : TimeUnit.MILLISECONDS.toNanos(compiler.getTotalCompilationTime());
        }

        /** Returns the stolen ticks and all ticks of each processor. */
        private static Map<Integer, long[]> processorTicks(final List<Integer> cpus) {
            final Map<Integer, long[]> ticks = new HashMap<>();
            try {
                for (final String line : Files.readAllLines(STAT)) {
                    final String[] fields = line.split(" +", -1);
                    if (fields[0].matches("cpu\\d+") && cpus.contains(Integer.parseInt(fields[0].substring(3)))) {
                        long all = 0;
                        for (int i = 1; i <= STEAL; i++) {
                            all += Long.parseLong(fields[i]);
                        }
                        ticks.put(Integer.parseInt(fields[0].substring(3)),
                            new long[] {Long.parseLong(fields[STEAL]), all});
                    }
                }
            } catch (final IOException e) {
                throw new UncheckedIOException(e);
            }
            return ticks;
        }
    }

    /** Measures the processors now. */
    public void sample() {
        samples.add(probe.sample());
    }

    /** Starts to observe. */
    public void start() {
        begun = Moment.now(cpus, processes);
    }

    /** Stops observing, and adds what happened since {@link #start}. */
    public void stop() {
        final Moment now = Moment.now(cpus, processes);
        nanos += now.nanos - begun.nanos;
        compiledNanos += now.compiledNanos - begun.compiledNanos;
        now.ticks.forEach((cpu, after) -> {
            final long[] before = begun.ticks.getOrDefault(cpu, after);
            ticks.merge(cpu, new long[] {after[0] - before[0], after[1] - before[1]},
                (one, other) -> new long[] {one[0] + other[0], one[1] + other[1]});
        });
        now.threads.forEach((thread, after) -> {
            final ThreadTimes before = begun.threads.get(thread);
            add(thread, before == null ? after : after.since(before));
        });
    }

    /** Adds the times of a thread of the load that has ended. */
    public void add(final String thread, final ThreadTimes times) {
        threads.merge(thread, times, ThreadTimes::plus);
    }

    /** Returns what was observed. */
    public Conditions conditions() {
        final List<ThreadTimes> busy = threads.values().stream().filter(times -> times.ranNanos() >= BUSY * nanos)
            .toList();
        final double steal = ticks.values().stream().mapToDouble(each -> each[1] == 0 ? 0
            : (double) each[0] / each[1]).max().orElse(0);
        final double waited = busy.stream().mapToDouble(ThreadTimes::waitedNanos).max().orElse(0);
        return new Conditions(spread(Probe.Sample::lineNanos), spread(Probe.Sample::clockGhz),
            spread(Probe.Sample::operationsPerNano), steal, nanos == 0 ? 0 : waited / nanos,
            busy.stream().mapToLong(ThreadTimes::migrations).sum(), nanos == 0 ? 0 : (double) compiledNanos / nanos);
    }

    private @Nullable Spread spread(final ToDoubleFunction<Probe.Sample> value) {
        return Spread.of(samples, value);
    }
}
