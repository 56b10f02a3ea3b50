package io.ringbridge.datapath.port;

import io.ringbridge.datapath.ring.DeviceRing;
import io.ringbridge.datapath.ring.RingConfig;

/**
 * A queue that the guest transmits on: ingress.
 *
 * <p>Chains stay out of its ring while any worker may still read their frames. Bursts are noted with the frame rings' sequences up to
 * which their frames went, and given back in order once each ring has passed its own.
 */
public final class TransmitQueue extends GuestQueue {
    /** Bursts that may be out at a time; a power of two. */
    private static final int BURSTS = 64;

    private final int workers;
    private final int[] burstChains = new int[BURSTS];
    private final long[] burstSequences;
    private int firstBurst;
    private int nextBurst;
    private int chainsNoted;
    private boolean paused;

    /** The verdict on the last frame, and all that it depended on. */
    private long lastDestination;
    private long lastSource;
    private long lastVersion = -1;
    private ReceiveQueue lastReceiver;

    TransmitQueue(final GuestPort port, final int vring, final QueueOwner owner, final int workers) {
        super(port, vring, owner);
        this.workers = workers;
        burstSequences = new long[BURSTS * workers];
    }

    /** Whether it is started and enabled. Any thread. */
    public boolean running() {
        return ring() != null && enabled();
    }

    /** Whether another burst may be taken now. */
    public boolean ready() {
        return !paused && nextBurst - firstBurst < BURSTS;
    }

    /** Takes nothing more until the translation has come that its ring lacks. */
    public void awaitTranslation() {
        paused = true;
        askTranslation();
    }

    /** Tries again; what still lacks was asked for already. */
    @Override
    void translated() {
        resume();
        askTranslation();
    }

    /**
     * Notes a burst.
     *
     * @param chains how many chains it took
     * @param sequences the last sequence of each worker's frame ring that holds one of its frames
     */
    public void noteBurst(final int chains, final long[] sequences) {
        final int slot = nextBurst++ & BURSTS - 1;
        burstChains[slot] = chains;
        System.arraycopy(sequences, 0, burstSequences, slot * workers, workers);
        chainsNoted += chains;
    }

    /** Chains of the burst that has been out longest, or 0 when none is out. */
    public int oldestBurst() {
        return firstBurst == nextBurst ? 0 : burstChains[firstBurst & BURSTS - 1];
    }

    /** The last sequence of a worker's frame ring that holds a frame of the burst that has been out longest. */
    public long oldestSequence(final int worker) {
        return burstSequences[(firstBurst & BURSTS - 1) * workers + worker];
    }

    /** Gives the chains of the burst that has been out longest back to the ring, if there still is one; not shown yet. */
    public void releaseOldest() {
        final DeviceRing ring = ring();
        final int chains = burstChains[firstBurst++ & BURSTS - 1];
        chainsNoted -= chains;
        if (ring != null) {
            ring.giveBack(chains);
        }
    }

    @Override
    public boolean idle() {
        return firstBurst == nextBurst;
    }

    /** The receiver that the last frame's verdict named, when this one has the same addresses and nothing has changed; else null. */
    public ReceiveQueue lastReceiver(final long destination, final long source, final long version) {
        return destination == lastDestination && source == lastSource && version == lastVersion ? lastReceiver : null;
    }

    /** Remembers a verdict. */
    public void lastVerdict(final long destination, final long source, final long version, final ReceiveQueue receiver) {
        lastDestination = destination;
        lastSource = source;
        lastVersion = version;
        lastReceiver = receiver;
    }

    @Override
    void recover() {
        if (ring() != null) {
            ring().rewind(ring().out() - chainsNoted);
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
        firstBurst = nextBurst;
        chainsNoted = 0;
        lastReceiver = null;
        paused = false;
    }
}
