package io.ringbridge.datapath.frame;

import com.lmax.disruptor.BusySpinWaitStrategy;
import com.lmax.disruptor.InsufficientCapacityException;
import com.lmax.disruptor.RingBuffer;
import com.lmax.disruptor.Sequence;
import io.ringbridge.datapath.packet.VlanTag;

import java.util.stream.LongStream;

/**
 * A worker's inbox: a Disruptor ring of frames.
 *
 * <p>The producers are the workers that take frames, including the owner; the consumer is the worker that owns the
 * ring. No worker waits: if the ring is full, the frames stay in their sender's queue. The consumer stores
 * {@link #consumed} with release semantics after its last access to the frames up to there. A worker that loads it with
 * acquire semantics may then return the senders' buffers.
 */
public final class FrameRing {
    /** The result of {@link #claim} if the ring is full. */
    public static final long FULL = -1;

    private final RingBuffer<Frame> ring;
    /** The ring's entries again, as an array whose access needs no cast. */
    private final Frame[] frames;
    /** Not a field of the frames, each of which fills a cache line: frames without VLANs do not need it. */
    private final long[] tags;
    private final Sequence consumed = new Sequence();
    private final boolean single;

    /**
     * Creates an empty ring.
     *
     * @param size the number of entries, a power of two
     * @param single whether only one thread produces
     */
    public FrameRing(final int size, final boolean single) {
        this.single = single;
        ring = single
            ? RingBuffer.createSingleProducer(Frame::new, size, new BusySpinWaitStrategy())
            : RingBuffer.createMultiProducer(Frame::new, size, new BusySpinWaitStrategy());
        ring.addGatingSequences(consumed);
        frames = LongStream.range(0, size).mapToObj(ring::get).toArray(Frame[]::new);
        tags = new long[size];
    }

    /**
     * Claims entries.
     *
     * @return the sequence of the last entry, or {@link #FULL}
     */
    public long claim(final int entries) {
        try {
            return ring.tryNext(entries);
        } catch (final InsufficientCapacityException e) {
            return FULL;
        }
    }

    /** Whether fewer than half of the entries are free. */
    public boolean isHalfFull() {
        return !ring.hasAvailableCapacity(frames.length / 2);
    }

    /** Returns the entry with a sequence that was claimed, or that is at most {@link #published}. */
    public Frame get(final long sequence) {
        return frames[(int) sequence & frames.length - 1];
    }

    /** Returns the tag of an entry, in the form of {@link VlanTag}. It is undefined if the frame is not in a VLAN. */
    public long tag(final long sequence) {
        return tags[(int) sequence & tags.length - 1];
    }

    /** Sets the tag of a claimed entry. */
    public void tag(final long sequence, final long tag) {
        tags[(int) sequence & tags.length - 1] = tag;
    }

    /** Drops claimed entries; none if {@code first} is after {@code last}. */
    public void drop(final long first, final long last) {
        for (long sequence = first; sequence <= last; sequence++) {
            get(sequence).drop();
        }
    }

    /** Publishes entries to the consumer. */
    public void publish(final long first, final long last) {
        ring.publish(first, last);
    }

    /** Returns the last sequence up to which every entry is published. Only the consumer may call. */
    public long published() {
        final long cursor = ring.getCursor();
        if (single) {
            return cursor;
        }
        long last = consumed.get();
        while (last < cursor && ring.isAvailable(last + 1)) {
            last++;
        }
        return last;
    }

    /** Returns the last sequence that the consumer has finished with. An acquire load. */
    public long consumed() {
        return consumed.get();
    }

    /** Records that the consumer has finished with every entry up to a sequence. A release store. */
    public void consumed(final long sequence) {
        consumed.set(sequence);
    }
}
