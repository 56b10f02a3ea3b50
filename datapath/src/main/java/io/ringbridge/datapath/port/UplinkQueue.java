package io.ringbridge.datapath.port;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.FrameDevice;
import io.ringbridge.datapath.os.Mapping;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A queue of an uplink: both ingress and egress.
 *
 * <p>Frames are read into buffers of the switch's own, a ring of them, each with room for the longest frame and its virtio-net header:
 * <pre>
 *   released        taken          filled
 *   ---|----- out ----|--- ready ----|--- empty ---
 * </pre>
 * What is out is read by workers; what is ready has been read from the device, and found no room in a frame ring. Owned by one worker,
 * which alone reads and writes the device; the port's commands change it on that worker's thread. Status may be read by any thread.
 */
public final class UplinkQueue implements Sink {
    /** Frames that may be read ahead or out; a power of two. */
    static final int BUFFERS = 128;
    /** Room for a header and 64 KiB with Ethernet header and tag; an odd number of cache lines, so that buffers' heads do not compete. */
    private static final int BUFFER_SIZE = 65600;
    private static final int MASK = BUFFERS - 1;
    /** How long a device that had no frame is left alone: asking costs a system call, which guests' frames would wait for. */
    private static final long REST_NANOS = 10_000;

    private final UplinkPort port;
    private final int index;
    private final QueueOwner owner;
    private final QueueCounters in = new QueueCounters();
    private final QueueCounters out = new QueueCounters();
    private final Source source;
    private final int[] lengths = new int[BUFFERS];
    private volatile FrameDevice device;
    private Mapping buffers;
    private int released;
    private int taken;
    private int filled;
    private boolean rests;
    private long restsSince;
    private boolean paused;

    UplinkQueue(final UplinkPort port, final int index, final QueueOwner owner, final int workers) {
        this.port = port;
        this.index = index;
        this.owner = owner;
        source = new Source(port, in, workers);
    }

    @Override
    public UplinkPort port() {
        return port;
    }

    /** Its number among the port's queues. */
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

    public Source source() {
        return source;
    }

    /** Gives the port up, because its device is gone. */
    public void gone() {
        port.fail(device.fault());
    }

    /** What it reads and writes, or null where there is none. */
    public FrameDevice device() {
        return device;
    }

    /** Whether another burst may be taken now. */
    public boolean ready() {
        return device != null && !paused && source.hasRoom();
    }

    /**
     * Reads frames until so many are ready, the device has no more, or no buffer is left.
     *
     * @param now in nanoseconds
     * @return how many are ready, at most {@code wanted}; negative if none is and the device is gone
     */
    public int fill(final int wanted, final long now) {
        if (filled == released) {
            released = 0; // with nothing out, the buffers that the caches still have are taken again
            taken = 0;
            filled = 0;
        }
        if (filled == taken && rests && now - restsSince < REST_NANOS) {
            return 0;
        }
        final FrameDevice from = device;
        while (filled - taken < wanted && filled - released < BUFFERS) {
            final long length = from.read(buffer(filled), BUFFER_SIZE);
            if (length < 0) {
                rests = true;
                restsSince = now;
                if (FrameDevice.isGone(length) && filled == taken) {
                    return -1;
                }
                break;
            }
            rests = false;
            lengths[filled++ & MASK] = (int) length;
        }
        return Math.min(wanted, filled - taken);
    }

    private long buffer(final int position) {
        return buffers.address() + (long) (position & MASK) * BUFFER_SIZE;
    }

    /** Where the next frame that is ready begins, with its header. */
    public long address() {
        return buffer(taken);
    }

    /** The length of the next frame that is ready, with its header. */
    public int length() {
        return lengths[taken & MASK];
    }

    /** Takes the next frame that is ready. */
    public void take() {
        taken++;
    }

    /** Makes the frames taken last ready again. */
    public void rewind(final int frames) {
        taken -= frames;
    }

    /** Frees the buffers of the burst that has been out longest. */
    public void releaseOldest() {
        released += source.forgetOldest();
    }

    /** Makes ready again what a fault left taken. On its owner's thread. */
    public void recover() {
        taken = released + source.chainsNoted();
    }

    /** Whether frames are ready that found no room in a frame ring. */
    public boolean hasReady() {
        return filled != taken;
    }

    /** Whether no worker holds a frame that was read from it. */
    public boolean idle() {
        return source.idle();
    }

    void pause() {
        paused = true;
    }

    void resume() {
        paused = false;
    }

    /** A copy of the frames that were read and not taken. While it is paused. */
    List<byte[]> readyFrames() {
        final List<byte[]> frames = new ArrayList<>();
        for (int at = taken; device != null && at != filled; at++) {
            final byte[] frame = new byte[lengths[at & MASK]];
            Memory.copy(buffer(at), frame, 0, frame.length);
            frames.add(frame);
        }
        return frames;
    }

    /** Fills buffers with frames that were read elsewhere; at most {@link #BUFFERS}, each with its header, none longer than any may be. */
    void readyFrames(final List<byte[]> frames) {
        int at = taken; // from the start, should this be done again
        for (final byte[] frame : frames) {
            Memory.copy(frame, 0, buffer(at), frame.length);
            lengths[at++ & MASK] = frame.length;
        }
        filled = at;
    }

    /** Whether frames can be what {@link #readyFrames()} gave. */
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
        released = 0;
        taken = 0;
        filled = 0;
        rests = false;
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

    QueueStatus status() {
        return new QueueStatus(index, "uplink", owner.index(), device != null, device != null, "", device == null ? 0 : BUFFERS,
            PortStatistics.sum(List.of(new PortStatistics(in.frames(), in.bytes(), 0, 0, in.drops()),
                new PortStatistics(0, 0, out.frames(), out.bytes(), out.drops()))));
    }
}
