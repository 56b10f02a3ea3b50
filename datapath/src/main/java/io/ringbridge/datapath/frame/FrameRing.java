package io.ringbridge.datapath.frame;

import com.lmax.disruptor.BusySpinWaitStrategy;
import com.lmax.disruptor.InsufficientCapacityException;
import com.lmax.disruptor.RingBuffer;
import com.lmax.disruptor.Sequence;

import java.util.stream.LongStream;

/**
 * A worker's inbox: a Disruptor ring of frames.
 *
 * <p>Producers are the workers that take frames, its own among them; the consumer is the worker that owns it. Nobody waits: where there
 * is no room, the frames stay in their sender's queue. {@link #consumed} is released after the last access to the frames before it, so
 * that whoever acquires it may give the senders' buffers back.
 */
public final class FrameRing {
    /** What {@link #claim} answers when there is no room. */
    public static final long FULL = -1;

    private final RingBuffer<Frame> ring;
    /** The ring's entries once more: a look-up here needs no cast. */
    private final Frame[] frames;
    /** Beside the frames, of which each fills a line: those without VLANs have no use for it. */
    private final long[] tags;
    private final Sequence consumed = new Sequence();
    private final boolean single;

    /**
     * Makes an empty ring.
     *
     * @param size entries, a power of two
     * @param single whether one thread only produces
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
     * @return the last one's sequence, or {@link #FULL}
     */
    public long claim(final int entries) {
        try {
            return ring.tryNext(entries);
        } catch (final InsufficientCapacityException e) {
            return FULL;
        }
    }

    /** The entry with a sequence that was claimed, or that {@link #published} covers. */
    public Frame get(final long sequence) {
        return frames[(int) sequence & frames.length - 1];
    }

    /** The tag of an entry whose frame is in a VLAN, as in {@link VlanTag}; of others it means nothing. */
    public long tag(final long sequence) {
        return tags[(int) sequence & tags.length - 1];
    }

    /** Notes the tag of an entry that was claimed. */
    public void tag(final long sequence, final long tag) {
        tags[(int) sequence & tags.length - 1] = tag;
    }

    /** Shows entries to the consumer. */
    public void publish(final long first, final long last) {
        ring.publish(first, last);
    }

    /** The last sequence up to which all is published. For the consumer. */
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

    /** The last sequence the consumer has done with. An acquire load. */
    public long consumed() {
        return consumed.get();
    }

    /** Says that the consumer has done with all up to here. A release store. */
    public void consumed(final long sequence) {
        consumed.set(sequence);
    }
}
