package io.ringbridge.datapath.port;

/**
 * A queue that the guest receives on: egress.
 *
 * <p>Between two bursts nothing is out of its ring: what was taken was used or put back. A burst's sums are gathered here, and counted
 * when it ends.
 */
public final class ReceiveQueue extends GuestQueue {
    private int burstFrames;
    private long burstBytes;
    private boolean touched;

    ReceiveQueue(final GuestPort port, final int vring, final QueueOwner owner) {
        super(port, vring, owner);
    }

    /** Notes that the ring holds used buffers that are not shown yet; false when that was noted already. */
    public boolean touch() {
        final boolean first = !touched;
        touched = true;
        return first;
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
        burstFrames = 0;
        burstBytes = 0;
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
        if (ring() != null) {
            ring().rewind(ring().out());
        }
    }
}
