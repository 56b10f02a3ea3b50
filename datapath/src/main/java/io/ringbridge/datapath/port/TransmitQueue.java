package io.ringbridge.datapath.port;

import io.ringbridge.datapath.ring.DeviceRing;
import io.ringbridge.datapath.ring.RingConfig;

/**
 * A queue that the guest transmits on: ingress.
 *
 * <p>Chains stay out of its ring while any worker may still read their frames; its {@link Source} says which.
 */
public final class TransmitQueue extends GuestQueue {
    /** How long a ring that was started waits to be enabled; after that it is processed, and its frames are discarded. */
    private static final long ENABLE_NANOS = 1_000_000_000L;
    private static final long NANOS_PER_MILLI = 1_000_000L;

    private final Source source;
    private boolean paused;
    /** Whether its ring runs although it is disabled: it was enabled since it was started, or has waited long enough. */
    private boolean runsDisabled;
    /** Whether its ring is held until it is enabled. It is polled meanwhile, so that the wait ends in time. */
    private volatile boolean awaitsEnable;
    private boolean timed;
    private long enableBy;

    TransmitQueue(final GuestPort port, final int vring, final QueueOwner owner, final int workers) {
        super(port, vring, owner);
        source = new Source(port, counters(), workers);
    }

    public Source source() {
        return source;
    }

    /** Whether it is started and enabled. Any thread. */
    public boolean running() {
        return ring() != null && enabled();
    }

    /** Whether another burst may be taken now. */
    public boolean ready() {
        return !paused && source.hasRoom();
    }

    /** Takes nothing more until the translation, or the page, has come that its ring lacks. */
    public void awaitMore() {
        paused = true;
        askForMore();
    }

    /** Tries again; what still lacks was asked for already. */
    @Override
    void retry() {
        resume();
        askForMore();
    }

    /** Gives the chains of the burst that has been out longest back to the ring, if there still is one; not shown yet. */
    public void releaseOldest() {
        final DeviceRing ring = ring();
        if (ring != null) {
            ring.giveBack(source.oldestBurst());
        }
        source.forgetOldest();
    }

    @Override
    public boolean idle() {
        return source.idle();
    }

    @Override
    void putBack(final DeviceRing ring) {
        while (ring.out() < source.chainsNoted()) {
            source.forgetOldest(); // it was given back, and the fault raised before it was forgotten
        }
        ring.rewind(ring.out() - source.chainsNoted());
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

    /** Whether its worker polls it: its ring runs, or waits to be enabled. */
    boolean polled() {
        return ring() != null || awaitsEnable;
    }

    @Override
    void hold() {
        owner().remove(this);
        awaitsEnable = false;
        super.hold();
    }

    /** Lets a held ring run. One that was started and not enabled yet is held further, until it is or has waited long enough. */
    @Override
    void release() {
        if (!runsDisabled && started() && ring() == null) {
            awaitEnable();
            return;
        }
        super.release();
        if (ring() != null) {
            resume();
            owner().remove(this); // where a fault has cut this short it is polled already
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
     * Ends the wait of a ring that is to be enabled, if it has been long enough. Called once per duty cycle while there is no ring.
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
            release();
        }
    }

    /** How long its worker may sleep, {@code most} milliseconds at most: no longer than its ring waits to be enabled. */
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

    /** Forgets bursts, once the ring is gone. */
    private void forget() {
        source.forget();
        paused = false;
    }
}
