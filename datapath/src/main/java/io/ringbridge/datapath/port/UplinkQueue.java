package io.ringbridge.datapath.port;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.FrameDevice;
import io.ringbridge.datapath.os.Mapping;
import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A queue of an uplink: both ingress and egress.
 *
 * <p>Frames are read into a circular array of buffers that the switch owns. Each buffer has room for the longest frame
 * and its virtio-net header:
 * <pre>
 *   released        taken          filled
 *   ---|----- out ----|--- ready ----|--- empty ---
 * </pre>
 * Workers read the frames that are out. Ready frames were read from the device and wait for room in a frame ring.
 *
 * <p>One worker owns the queue and alone reads and writes the device. The port's commands change the queue on that
 * worker's thread. Any thread may read the status.
 */
public final class UplinkQueue implements Sink {
    /** The most frames that are ready or out; a power of two. */
    static final int BUFFERS = 128;
    /**
     * Bytes per buffer: room for a virtio-net header and 64 KiB with Ethernet header and tag. It is an odd number of
     * cache lines, so that the first lines of the buffers do not compete for the same cache sets.
     */
    private static final int BUFFER_SIZE = 65600;
    private static final int MASK = BUFFERS - 1;

    private final UplinkPort port;
    private final int index;
    private final QueueOwner owner;
    private final QueueCounters in = new QueueCounters();
    private final QueueCounters out = new QueueCounters();
    private final Source source;
    private final int[] lengths = new int[BUFFERS];
    private volatile @Nullable FrameDevice device;
    private volatile @Nullable Latency latency;
    private @Nullable Mapping buffers;
    private int released;
    private int taken;
    private int filled;
    private boolean backsOff;
    private long backOffNanos;
    private long backOffSince;
    private boolean paused;

    UplinkQueue(final UplinkPort port, final int index, final QueueOwner owner) {
        this.port = port;
        this.index = index;
        this.owner = owner;
        source = new Source(port, in, owner);
    }

    @Override
    public UplinkPort port() {
        return port;
    }

    /** Returns the queue's number among the port's queues. */
    public int index() {
        return index;
    }

    @Override
    public QueueOwner owner() {
        return owner;
    }

    @Override
    public QueueCounters counters() {
        return out;
    }

    @Override
    public @Nullable Latency latency() {
        return latency;
    }

    public Source source() {
        return source;
    }

    @Override
    public @Nullable FrameTrace trace() {
        return source.trace();
    }

    /** Marks the port as failed, because its device is gone. */
    public void markGone() {
        final FrameDevice lost = device;
        assert lost != null : "only a queue with a device finds it gone";
        port.fail(lost.fault());
    }

    /** Returns the device, or null if none is attached. */
    public @Nullable FrameDevice device() {
        return device;
    }

    /** Whether another burst may be taken now. */
    public boolean ready() {
        return device != null && !paused && source.hasRoom();
    }

    /**
     * Reads frames until {@code wanted} are ready, the device has no more, or no buffer is left.
     *
     * @param now the time in nanoseconds
     * @return the number of ready frames, at most {@code wanted}; negative if none is ready and the device is gone
     */
    public int fill(final int wanted, final long now) {
        if (filled == released) {
            released = 0; // no frame is out or ready: reuse the buffers that are still in the caches
            taken = 0;
            filled = 0;
        }
        if (filled == taken && backsOff && now - backOffSince < backOffNanos) {
            return 0;
        }
        final FrameDevice from = device;
        assert from != null : "only a queue that is ready is filled";
        while (filled - taken < wanted && filled - released < BUFFERS) {
            final long length = from.read(buffer(filled), BUFFER_SIZE);
            if (length < 0) {
                backsOff = true;
                backOffSince = now;
                if (FrameDevice.isGone(length) && filled == taken) {
                    return -1;
                }
                break;
            }
            backsOff = false;
            lengths[filled++ & MASK] = (int) length;
        }
        return Math.min(wanted, filled - taken);
    }

    private long buffer(final int position) {
        assert buffers != null : "there are buffers while there is a device";
        return buffers.address() + (long) (position & MASK) * BUFFER_SIZE;
    }

    /** Returns the address of the next ready frame, including its header. */
    public long address() {
        return buffer(taken);
    }

    /** Returns the length of the next ready frame, including its header. */
    public int length() {
        return lengths[taken & MASK];
    }

    /** Takes the next ready frame. */
    public void take() {
        taken++;
    }

    /** Makes the last frames taken ready again. */
    public void rewind(final int frames) {
        taken -= frames;
    }

    /** Frees the buffers of the oldest burst that is out. */
    public void releaseOldest() {
        released += source.forgetOldest();
    }

    /** Makes the frames that a fault left taken ready again. On the owner's thread. */
    public void recover() {
        taken = released + source.chainsInFlight();
    }

    /** Whether frames are ready that wait for room in a frame ring. */
    public boolean hasReady() {
        return filled != taken;
    }

    /** Whether no worker has a frame that was read from this queue. */
    public boolean idle() {
        return source.idle();
    }

    void pause() {
        paused = true;
    }

    void resume() {
        paused = false;
    }

    /** Returns a copy of the ready frames. While the queue is paused. */
    List<byte[]> readyFrames() {
        final List<byte[]> frames = new ArrayList<>();
        for (int at = taken; device != null && at != filled; at++) {
            final byte[] frame = new byte[lengths[at & MASK]];
            Memory.copy(buffer(at), frame, 0, frame.length);
            frames.add(frame);
        }
        return frames;
    }

    /** Makes frames of another process ready. Each has a header. They must have passed {@link #canBeReady}. */
    void readyFrames(final List<byte[]> frames) {
        int at = taken; // a local, so that a retry of the command starts over
        for (final byte[] frame : frames) {
            Memory.copy(frame, 0, buffer(at), frame.length);
            lengths[at++ & MASK] = frame.length;
        }
        filled = at;
    }

    /** Whether these can be ready frames: there are buffers for all, and each has a valid length. */
    public static boolean canBeReady(final List<byte[]> frames) {
        return frames.size() <= BUFFERS
            && frames.stream().allMatch(frame -> frame.length >= FrameDevice.HEADER && frame.length <= BUFFER_SIZE);
    }

    void continueFrom(final PortStatistics reading) {
        in.continueFrom(new PortStatistics(reading.inFrames(), reading.inBytes(), 0, 0, reading.drops()));
        out.continueFrom(new PortStatistics(0, 0, reading.outFrames(), reading.outBytes(), Map.of()));
    }

    void open(final FrameDevice opened, final boolean suspended) {
        if (buffers == null) {
            buffers = Mapping.anonymous((long) BUFFERS * BUFFER_SIZE);
        }
        if (latency == null) {
            latency = new Latency();
        }
        released = 0;
        taken = 0;
        filled = 0;
        backsOff = false;
        backOffNanos = opened.backOffNanos();
        paused = suspended;
        device = opened;
        owner.add(this);
    }

    void close() {
        if (device != null) {
            owner.remove(this);
            device = null;
        }
        if (buffers != null) {
            buffers.close();
            buffers = null;
        }
        source.forget();
    }

    /** Returns the counters of both directions. Any thread may call. */
    Stream<QueueReading> readings() {
        final int size = device == null ? 0 : BUFFERS;
        return Stream.of(new QueueReading(index, true, in, size, filled - taken, taken - released),
            new QueueReading(index, false, out, 0, 0, 0));
    }

    QueueStatus status() {
        return new QueueStatus(index, "uplink", owner.index(), device != null, device != null, "",
            device == null ? 0 : BUFFERS,
            PortStatistics.sum(List.of(new PortStatistics(in.frames(), in.bytes(), 0, 0, in.drops()),
                new PortStatistics(0, 0, out.frames(), out.bytes(), out.drops()))));
    }
}
