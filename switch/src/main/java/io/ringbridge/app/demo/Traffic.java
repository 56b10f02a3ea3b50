package io.ringbridge.app.demo;

import org.HdrHistogram.Histogram;
import org.agrona.concurrent.BackoffIdleStrategy;
import org.agrona.concurrent.IdleStrategy;
import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.LongConsumer;

/** Measures the throughput or latency of a flow. The guests' threads live for one measurement. */
final class Traffic {
    /** A light load: the switch is idle when a frame arrives, but no worker has gone to sleep. */
    private static final long INTERVAL_NANOS = 50_000;
    private static final long SPINS = 2000;
    private static final long DRAIN_NANOS = TimeUnit.SECONDS.toNanos(5);
    private static final long SECOND_MILLIS = 1000;
    private static final long LONGEST_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final Flow flow;
    private final BooleanSupplier cancelled;
    private final AtomicReference<@Nullable RuntimeException> failure = new AtomicReference<>();
    private long deadline;

    /**
     * Prepares measurements of a flow.
     *
     * @param cancelled polled to end a measurement early
     */
    Traffic(final Flow flow, final BooleanSupplier cancelled) {
        this.flow = flow;
        this.cancelled = cancelled;
    }

    /**
     * Sends as many frames as the flow can carry.
     *
     * @param eachSecond receives the rate of each second, in frames per second
     * @return the rate in frames per second
     */
    double throughput(final long nanos, final LongConsumer eachSecond) throws InterruptedException {
        final long start = System.nanoTime();
        deadline = start + nanos;
        // On fewer processors, worker, sender and receiver would mostly wait for each other's time slices.
        final boolean apart = Runtime.getRuntime().availableProcessors() > 2;
        run(eachSecond, apart ? List.of(this::sendAll, this::receiveAll) : List.of(this::exchange));
        return flow.received() * 1e9 / (System.nanoTime() - start);
    }

    /**
     * Sends single frames at fixed times, which do not shift if a frame is late.
     *
     * @return the one-way latency in nanoseconds
     */
    Histogram latency(final long nanos) throws InterruptedException {
        final Histogram histogram = new Histogram(LONGEST_NANOS, 3);
        deadline = System.nanoTime() + nanos;
        run(_ -> { }, List.of(() -> sample(histogram)));
        return histogram;
    }

    private void run(final LongConsumer eachSecond, final List<Runnable> bodies) throws InterruptedException {
        final List<Thread> threads = new ArrayList<>();
        for (final Runnable body : bodies) {
            threads.add(Thread.ofPlatform().daemon().name("demo-guest-" + threads.size()).start(() -> {
                try {
                    body.run();
                } catch (final RuntimeException e) {
                    failure.compareAndSet(null, e);
                }
            }));
        }
        long before = flow.received();
        long second = System.nanoTime();
        for (final Thread thread : threads) {
            while (thread.isAlive()) {
                thread.join(SECOND_MILLIS);
                final long now = System.nanoTime();
                if (thread.isAlive() && now < deadline) {
                    eachSecond.accept((flow.received() - before) * TimeUnit.SECONDS.toNanos(1) / (now - second));
                    before = flow.received();
                    second = now;
                }
            }
        }
        final RuntimeException failed = failure.get();
        if (failed != null) {
            throw failed;
        }
    }

    private boolean sending() {
        return System.nanoTime() < deadline && failure.get() == null && !cancelled.getAsBoolean();
    }

    /** Fails after the deadline, so that lost frames do not make the demo wait forever. */
    private void checkDeadline(final long late) {
        if (System.nanoTime() > late) {
            throw new IllegalStateException(
                (flow.sent() - flow.received()) + " of " + flow.sent() + " frames did not arrive");
        }
    }

    private void exchange() {
        final IdleStrategy idle = idle();
        while (sending()) {
            final boolean sent = flow.send();
            final boolean received = flow.receive();
            idle.idle(sent || received ? 1 : 0);
        }
        drain();
    }

    private void sendAll() {
        final IdleStrategy idle = idle();
        while (sending()) {
            idle.idle(flow.send() ? 1 : 0);
        }
    }

    private void receiveAll() {
        final IdleStrategy idle = idle();
        while (sending()) {
            idle.idle(flow.receive() ? 1 : 0);
        }
        drain();
    }

    private void drain() {
        final IdleStrategy idle = idle();
        final long late = System.nanoTime() + DRAIN_NANOS;
        while (flow.received() < flow.sent()) {
            idle.idle(flow.receive() ? 1 : 0);
            checkDeadline(late);
        }
    }

    private void sample(final Histogram histogram) {
        final IdleStrategy idle = idle();
        long due = System.nanoTime();
        while (sending()) {
            final long now = System.nanoTime();
            if (now >= due && flow.sent() - flow.received() < Flow.WINDOW && flow.sendOne(due)) {
                due += INTERVAL_NANOS;
            }
            idle.idle(record(histogram) ? 1 : 0);
        }
        final long late = System.nanoTime() + DRAIN_NANOS;
        while (flow.received() < flow.sent()) {
            idle.idle(record(histogram) ? 1 : 0);
            checkDeadline(late);
        }
    }

    private boolean record(final Histogram histogram) {
        final long time = flow.receiveOne();
        if (time < 0) {
            return false;
        }
        histogram.recordValue(Math.min(System.nanoTime() - time, LONGEST_NANOS));
        return true;
    }

    /**
     * Returns a strategy that spins for some microseconds, which suffices if the worker runs. If it does not, only
     * yielding the processor helps.
     */
    private static IdleStrategy idle() {
        return new BackoffIdleStrategy(SPINS, Long.MAX_VALUE, 1, 1);
    }
}
