package io.ringbridge.datapath.port;

import io.ringbridge.datapath.ring.DeviceRing;
import io.ringbridge.datapath.ring.RingConfig;

/**
 * A queue that the guest transmits on: ingress.
 *
 * <p>Chains stay out of its ring while any worker may still read their frames; its {@link Source} says which.
 */
public final class TransmitQueue extends GuestQueue {
    private final Source source;
    private boolean paused;

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
        final int chains = source.forgetOldest();
        if (ring != null) {
            ring.giveBack(chains);
        }
    }

    @Override
    public boolean idle() {
        return source.idle();
    }

    @Override
    void recover() {
        if (ring() != null) {
            ring().rewind(ring().out() - source.chainsNoted());
        }
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
        super.start(config);
    }

    @Override
    void hold() {
        owner().remove(this);
        super.hold();
    }

    @Override
    void release() {
        super.release();
        if (ring() != null) {
            resume();
            owner().remove(this); // where a fault has cut this short it is polled already
            owner().add(this);
        }
    }

    @Override
    int stop() {
        owner().remove(this);
        forget();
        return super.stop();
    }

    /** Forgets bursts, once the ring is gone. */
    private void forget() {
        source.forget();
        paused = false;
    }
}
