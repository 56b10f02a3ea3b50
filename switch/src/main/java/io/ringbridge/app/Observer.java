package io.ringbridge.app;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** Runs periodic chores of a switch on the thread {@code rb-observer}. Any thread may call. */
final class Observer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Observer.class);

    private final ScheduledExecutorService executor =
        Executors.newSingleThreadScheduledExecutor(Thread.ofPlatform().daemon().name("rb-observer")::unstarted);
    private final List<Future<?>> chores = new ArrayList<>();

    /** Runs a chore periodically, for the first time after one period. */
    synchronized void repeat(final Duration period, final Runnable chore) {
        chores.add(executor.scheduleWithFixedDelay(() -> {
            try {
                chore.run();
            } catch (final RuntimeException e) {
                LOG.debug("a chore failed", e);
            }
        }, period.toMillis(), period.toMillis(), TimeUnit.MILLISECONDS));
    }

    /** Stops the thread; a chore that is running is completed. */
    @Override
    public synchronized void close() {
        chores.forEach(chore -> chore.cancel(false));
        executor.shutdown();
    }
}
