package io.ringbridge.datapath.port;

import io.ringbridge.datapath.ring.DeviceRing;
import io.ringbridge.datapath.ring.RingConfig;

import java.util.List;

/**
 * A queue on which the guest transmits: ingress.
 *
 * <p>Chains stay in flight while any worker may still read their frames. The queue's {@link Source} records them.
 */
public final class TransmitQueue extends GuestQueue {
    /**
     * The time that a started ring waits to be enabled. After that the ring is processed, and its frames are dropped.
     */
    private static final long ENABLE_NANOS = 1_000_000_000L;
    private static final long NANOS_PER_MILLI = 1_000_000L;

    private final Source source;
    private boolean paused;
    /** Whether the ring runs even if disabled: it was enabled since it was started, or has waited long enough. */
    private boolean runsDisabled;
    /** Whether the ring is parked until it is enabled. The queue is polled meanwhile, so that the wait ends in time. */
    private volatile boolean awaitsEnable;
    private boolean timed;
    private long enableBy;

    TransmitQueue(final GuestPort port, final int vring, final QueueOwner owner) {
        super(port, vring, owner);
        source = new Source(port, counters(), owner);
    }

    public Source source() {
        return source;
    }

    /** Whether the ring runs and is enabled. Any thread may call. */
    public boolean running() {
        return ring() != null && enabled();
    }

    /** Whether another burst may be taken now. */
    public boolean ready() {
        return !paused && source.hasRoom();
    }

    /** Pauses the queue until the missing translation or page arrives, and requests it. */
    public void awaitMore() {
        paused = true;
        requestMissing();
    }

    @Override
    void retry() {
        resume();
        requestMissing();
    }

    /** Returns the chains of the oldest burst in flight to the ring, if there still is one, without publishing them. */
    public void releaseOldest() {
        final DeviceRing ring = ring();
        if (ring != null) {
            ring.returnUnused(source.oldestBurst());
        }
        source.forgetOldest();
    }

    @Override
    List<Interruption> measured() {
        return source.stalls().list();
    }

    @Override
    public boolean idle() {
        return source.idle();
    }

    @Override
    void putBack(final DeviceRing ring) {
        while (ring.out() < source.chainsInFlight()) {
            source.forgetOldest(); // the fault was raised after the burst was returned and before it was forgotten
        }
        ring.rewind(ring.out() - source.chainsInFlight());
    }

    @Override
    void pause() {
        paused = true;
    }

    @Override
    void resume() {
        paused = false;
    }

    @Override
    void start(final RingConfig config) {
        forget();
        runsDisabled = enabled();
        super.start(config);
    }

    @Override
    void enabled(final boolean nowEnabled) {
        super.enabled(nowEnabled);
        runsDisabled |= nowEnabled;
    }

    @Override
    boolean awaitsEnable() {
        return awaitsEnable;
    }

    /** Whether the worker polls the queue: its ring runs, or waits to be enabled. */
    boolean isPolled() {
        return ring() != null || awaitsEnable;
    }

    @Override
    void park() {
        owner().remove(this);
        awaitsEnable = false;
        super.park();
    }

    /**
     * Runs a parked ring. A ring that was not enabled since its start stays parked until it is, or has waited long
     * enough.
     */
    @Override
    void unpark() {
        if (!runsDisabled && started() && ring() == null) {
            awaitEnable();
            return;
        }
        super.unpark();
        if (ring() != null) {
            resume();
            owner().remove(this); // the queue is polled already if a fault interrupted an earlier attempt
            owner().add(this);
        } else if (awaitsEnable) {
            owner().remove(this);
        }
        awaitsEnable = false;
    }

    private void awaitEnable() {
        if (!awaitsEnable) {
            timed = false;
            owner().remove(this);
            owner().add(this);
            awaitsEnable = true;
        }
    }

    /**
     * Runs a ring that has waited long enough to be enabled. Called once per duty cycle while there is no running ring.
     *
     * @param nanos the start of the duty cycle
     */
    public void checkWait(final long nanos) {
        if (!awaitsEnable) {
            return;
        }
        if (!timed) {
            timed = true;
            enableBy = nanos + ENABLE_NANOS;
        }
        runsDisabled |= nanos - enableBy >= 0;
        if (runsDisabled) {
            unpark();
        }
    }

    /**
     * Returns how long the worker may sleep, at most {@code most} milliseconds: until the ring's wait for enabling
     * ends.
     */
    public int sleepMillis(final long nanos, final int most) {
        if (!awaitsEnable) {
            return most;
        }
        return timed ? Math.clamp((enableBy - nanos) / NANOS_PER_MILLI + 1, 0, most) : 0;
    }

    @Override
    void stop() {
        owner().remove(this);
        awaitsEnable = false;
        forget();
        super.stop();
    }

    /** Forgets all bursts. Called when there is no ring. */
    private void forget() {
        source.forget();
        paused = false;
    }
}
