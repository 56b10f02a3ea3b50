package io.ringbridge.datapath.port;

import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.ring.DeviceRing;

/**
 * A queue that the guest receives on: egress.
 *
 * <p>Between two bursts nothing is out of its ring: what was taken was used or put back. A burst's sums are gathered here, and counted
 * when it ends.
 */
public final class ReceiveQueue extends GuestQueue implements Sink {
    /** Chains whose translations, or pages, are asked for before frames need them, where they may lack. */
    private static final int AHEAD = 128;
    /** Chains after which that is done again; a frame takes one, or one for so many bytes. */
    private static final int AGAIN = 32;
    private static final int BYTES_A_CHAIN = 1024;

    private int burstFrames;
    private long burstBytes;
    private boolean touched;
    private long chainsSinceLook;
    private Segments looked;
    private long debt;
    private long lastCharge;
    private int chargedBy;
    private long barredUntil;

    ReceiveQueue(final GuestPort port, final int vring, final QueueOwner owner) {
        super(port, vring, owner);
    }

    /** Notes that the ring holds used buffers that are not shown yet; false when that was noted already. */
    public boolean touch() {
        final boolean first = !touched;
        touched = true;
        return first;
    }

    /**
     * Charges work that was done because of the shape of the driver's buffers, and bars the queue if that is more than its share.
     *
     * @param worker the worker's number
     * @param round the number of the worker's round
     * @param share the work that it may cause per round
     * @param limit the debt that it may have
     */
    public void charge(final long work, final int worker, final long round, final int share, final int limit) {
        final long rounds = worker == chargedBy ? round - lastCharge : Long.MAX_VALUE;
        debt = Math.max(0, debt - Math.min(rounds, debt / share + 1) * share) + work;
        lastCharge = round;
        chargedBy = worker;
        barredUntil = debt > limit ? round + debt / share : 0;
    }

    /** Whether it gets no frames in this round of a worker; one that it has moved to knows nothing of its debt. */
    public boolean isBarred(final int worker, final long round) {
        return round < barredUntil && worker == chargedBy;
    }

    /** Adds frames to the burst's sums. */
    public void delivered(final int frames, final long bytes) {
        burstFrames += frames;
        burstBytes += bytes;
    }

    /** Ends the burst: shows the driver what was used, and counts. */
    public void flush() {
        touched = false;
        show();
        counters().moved(burstFrames, burstBytes);
        final DeviceRing ring = ring();
        if (ring != null && ring.mayWait()) {
            chainsSinceLook += Math.max(burstFrames, burstBytes / BYTES_A_CHAIN);
            if (chainsSinceLook >= AGAIN || ring.isWaiting()) {
                retry();
            }
        }
        burstFrames = 0;
        burstBytes = 0;
    }

    /** Why a frame is dropped for which the ring has no chain; of one that is there, but cannot be used yet, what it lacks is asked for. */
    public DropReason noBuffer() {
        if (!ring().isWaiting()) {
            return DropReason.NO_BUFFER;
        }
        askForMore();
        return ring().lacksPage() ? DropReason.PAGE_TO_COME : DropReason.NO_TRANSLATION;
    }

    /** Nothing waits here: frames that come in the meantime are dropped. */
    @Override
    void retry() {
        final DeviceRing ring = ring();
        if (ring != null && ring.mayWait()) {
            if (looked == null) {
                looked = new Segments();
            }
            chainsSinceLook = 0;
            ring.probeAhead(looked, AHEAD, true);
            askForMore();
        }
    }

    @Override
    void release() {
        super.release();
        barredUntil = 0;
        retry();
    }

    @Override
    void pause() {
        // delivery takes and gives back within a burst
    }

    @Override
    void resume() {
        // never paused
    }

    @Override
    public boolean idle() {
        return true;
    }

    @Override
    void recover() {
        counters().moved(burstFrames, burstBytes);
        touched = false;
        burstFrames = 0;
        burstBytes = 0;
        super.recover();
    }

    @Override
    void putBack(final DeviceRing ring) {
        ring.rewind(ring.out());
    }
}
