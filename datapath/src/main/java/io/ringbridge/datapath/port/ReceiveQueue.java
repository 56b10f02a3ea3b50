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
    /** Chains of a ring behind an IOMMU whose translations are asked for before frames need them. */
    private static final int AHEAD = 128;
    /** Chains after which that is done again; a frame takes one, or one for so many bytes. */
    private static final int AGAIN = 32;
    private static final int BYTES_A_CHAIN = 1024;

    private int burstFrames;
    private long burstBytes;
    private boolean touched;
    private long chainsSinceLook;
    private Segments looked;

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
        final DeviceRing ring = ring();
        if (ring != null && ring.translation() != null) {
            chainsSinceLook += Math.max(burstFrames, burstBytes / BYTES_A_CHAIN);
            if (chainsSinceLook >= AGAIN || ring.lacksTranslation()) {
                translated();
            }
        }
        burstFrames = 0;
        burstBytes = 0;
    }

    /** Why a frame is dropped for which the ring has no chain; of one that is there, but cannot be found, the place is asked for. */
    public DropReason noBuffer() {
        if (!ring().lacksTranslation()) {
            return DropReason.NO_BUFFER;
        }
        askTranslation();
        return DropReason.NO_TRANSLATION;
    }

    /** Nothing waits here: frames that come in the meantime are dropped. */
    @Override
    void translated() {
        final DeviceRing ring = ring();
        if (ring != null && ring.translation() != null) {
            if (looked == null) {
                looked = new Segments();
            }
            chainsSinceLook = 0;
            ring.lookAhead(looked, AHEAD, true);
            askTranslation();
        }
    }

    @Override
    void release() {
        super.release();
        translated();
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
