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

/** The thread of a switch that looks after it now and then, {@code rb-observer}. Any thread may call in. */
final class Observer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Observer.class);

    private final ScheduledExecutorService executor =
        Executors.newSingleThreadScheduledExecutor(Thread.ofPlatform().daemon().name("rb-observer")::unstarted);
    private final List<Future<?>> chores = new ArrayList<>();

    /** Does something again and again, for the first time when the period has passed once. */
    synchronized void repeat(final Duration period, final Runnable chore) {
        chores.add(executor.scheduleWithFixedDelay(() -> {
            try {
                chore.run();
            } catch (final RuntimeException e) {
                LOG.debug("a chore failed", e);
            }
        }, period.toMillis(), period.toMillis(), TimeUnit.MILLISECONDS));
    }

    /** Ends it; what is being done at the moment is done to its end. */
    @Override
    public synchronized void close() {
        chores.forEach(chore -> chore.cancel(false));
        executor.shutdown();
    }
}
