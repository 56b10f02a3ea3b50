package io.ringbridge.datapath.port;

import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.ring.DeviceRing;
import io.ringbridge.datapath.ring.RingConfig;
import org.jspecify.annotations.Nullable;

import java.util.List;

/**
 * A queue on which the guest receives: egress.
 *
 * <p>Between two bursts no chain is in flight: each one that was taken was used or put back. The queue sums up the
 * frames of a burst and counts them when the burst ends.
 */
public final class ReceiveQueue extends GuestQueue implements Sink {
    /** Chains whose missing translations and pages are requested before frames need them. */
    private static final int PROBE_AHEAD = 128;
    /** Chains between two probes. The number used is estimated, see {@link #BYTES_PER_CHAIN}. */
    private static final int PROBE_INTERVAL = 32;
    /** A frame counts as one chain, or as one chain for each of these bytes if that is more. */
    private static final int BYTES_PER_CHAIN = 1024;

    /** Set before the port receives any frame. */
    private @Nullable FrameTrace trace;
    private int burstFrames;
    private long burstBytes;
    private boolean touched;
    private long chainsSinceProbe;
    private @Nullable Segments probed;
    private long debt;
    private long lastCharge;
    private int chargedBy;
    private long barredUntil;
    private volatile @Nullable Latency latency;
    private final Starvation starvation = new Starvation();

    ReceiveQueue(final GuestPort port, final int vring, final QueueOwner owner) {
        super(port, vring, owner);
    }

    @Override
    public @Nullable FrameTrace trace() {
        return trace;
    }

    void trace(final FrameTrace recorded) {
        trace = recorded;
    }

    /**
     * Marks the queue: its ring has used buffers that are not published.
     *
     * @return false if the queue was marked already
     */
    public boolean touch() {
        final boolean first = !touched;
        touched = true;
        return first;
    }

    /**
     * Charges the work that the shape of the driver's buffers has caused, and bars the queue if its debt exceeds the
     * limit.
     *
     * @param worker the worker's number
     * @param round the number of the worker's round
     * @param share the work that the queue may cause per round
     * @param limit the debt that the queue may have
     */
    public void charge(final long work, final int worker, final long round, final int share, final int limit) {
        final long rounds = worker == chargedBy ? round - lastCharge : Long.MAX_VALUE;
        debt = Math.max(0, debt - Math.min(rounds, debt / share + 1) * share) + work;
        lastCharge = round;
        chargedBy = worker;
        barredUntil = debt > limit ? round + debt / share : 0;
    }

    /** Whether the queue gets no frames in this round of a worker. Its debt to one worker does not count at another. */
    public boolean isBarred(final int worker, final long round) {
        return round < barredUntil && worker == chargedBy;
    }

    /** Adds frames to the burst's sums. */
    public void delivered(final int frames, final long bytes) {
        burstFrames += frames;
        burstBytes += bytes;
    }

    /** Ends the burst: publishes the used buffers, and counts the frames. */
    public void flush() {
        touched = false;
        publish();
        counters().moved(burstFrames, burstBytes);
        if (burstFrames > 0) {
            starvation.end();
        }
        final DeviceRing ring = ring();
        if (ring != null && ring.mayWait()) {
            chainsSinceProbe += Math.max(burstFrames, burstBytes / BYTES_PER_CHAIN);
            if (chainsSinceProbe >= PROBE_INTERVAL || ring.isWaiting()) {
                retry();
            }
        }
        burstFrames = 0;
        burstBytes = 0;
    }

    /**
     * Returns the reason to drop a frame for which the ring has no usable chain. If the next chain waits for a page or
     * a translation, that is requested.
     */
    public DropReason noBuffer() {
        final DeviceRing ring = ring();
        assert ring != null : "frames are delivered to running rings only";
        if (!ring.isWaiting()) {
            starvation.dropped(owner().cycleStart());
            return DropReason.NO_BUFFER;
        }
        requestMissing();
        return ring.lacksPage() ? DropReason.PAGE_TO_COME : DropReason.NO_TRANSLATION;
    }

    @Override
    List<Interruption> measured() {
        return starvation.list();
    }

    @Override
    public @Nullable Latency latency() {
        return latency;
    }

    @Override
    void start(final RingConfig config) {
        if (latency == null) {
            latency = new Latency();
        }
        super.start(config);
    }

    @Override
    void park() {
        starvation.end();
        super.park();
    }

    @Override
    void stop() {
        starvation.end();
        super.stop();
    }

    /** Probes the next chains. No frame waits for a chain: frames that arrive in the meantime are dropped. */
    @Override
    void retry() {
        final DeviceRing ring = ring();
        if (ring != null && ring.mayWait()) {
            if (probed == null) {
                probed = new Segments();
            }
            chainsSinceProbe = 0;
            ring.probeAhead(probed, PROBE_AHEAD, true);
            requestMissing();
        }
    }

    @Override
    void unpark() {
        super.unpark();
        barredUntil = 0;
        retry();
    }

    @Override
    void pause() {
        // delivery takes and returns chains within a burst
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
