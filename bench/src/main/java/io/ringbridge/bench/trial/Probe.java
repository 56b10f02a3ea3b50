package io.ringbridge.bench.trial;

import io.ringbridge.bench.machine.BenchException;
import io.ringbridge.bench.machine.RoundTrip;
import io.ringbridge.datapath.os.ThreadTuning;
import org.jspecify.annotations.Nullable;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/**
 * Measures the two processors of a trial: the round trip of a cache line between them, and the speed of each. The
 * methods also work beside a load.
 */
public final class Probe {
    private static final int WARM_UP_ROUNDS = 60;

    private final int here;
    private final int there;
    private final Core core = new Core();
    private final Core otherCore = new Core();
    private final @Nullable RoundTrip roundTrip;

    /**
     * Prepares measurements. Takes about a second, until the code is compiled.
     *
     * @param here the processor of the load
     * @param there the processor of the measured system, or the same one
     */
    public Probe(final int here, final int there) {
        this.here = here;
        this.there = there;
        roundTrip = here == there ? null : new RoundTrip(here, there);
        for (int i = 0; i < WARM_UP_ROUNDS; i++) {
            sample();
        }
    }

    /**
     * One measurement.
     *
     * @param lineNanos the round trip of a cache line; NaN with one processor, or if the two sides never ran at the
     * same time
     * @param clockGhz the clock of the slower processor
     * @param operationsPerNano simple operations that the slower processor completes per nanosecond
     */
    public record Sample(double lineNanos, double clockGhz, double operationsPerNano) {
    }

    /** Measures for a few milliseconds. */
    public Sample sample() {
        final FutureTask<Core.Speed> own = new FutureTask<>(core::speed);
        final FutureTask<Core.Speed> other = new FutureTask<>(otherCore::speed);
        start(here, own);
        start(there, other);
        final Core.Speed speed = get(own).slower(get(other));
        return new Sample(roundTrip == null ? Double.NaN : roundTrip.nanos(), speed.clockGhz(),
            speed.operationsPerNano());
    }

    private static void start(final int cpu, final Runnable task) {
        Thread.ofPlatform().daemon().name("probe").start(() -> {
            ThreadTuning.pin(cpu);
            task.run();
        });
    }

    private static Core.Speed get(final FutureTask<Core.Speed> task) {
        try {
            return task.get();
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new BenchException("interrupted while measuring the processors", e);
        } catch (final ExecutionException e) {
            throw new BenchException("cannot measure the processors: " + e.getMessage(), e);
        }
    }
}
