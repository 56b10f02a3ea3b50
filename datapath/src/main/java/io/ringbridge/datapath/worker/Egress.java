package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.frame.Ethernet;
import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.frame.FrameReader;
import io.ringbridge.datapath.frame.FrameRing;
import io.ringbridge.datapath.frame.Segmenter;
import io.ringbridge.datapath.frame.VnetHeader;
import io.ringbridge.datapath.memory.DirtyLog;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.memory.TouchedRanges;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.ReceiveQueue;
import io.ringbridge.datapath.port.Sink;
import io.ringbridge.datapath.port.UplinkQueue;
import io.ringbridge.datapath.ring.DeviceRing;
import io.ringbridge.datapath.ring.RingLog;

import java.util.concurrent.ThreadLocalRandom;

/**
 * Delivers frames: copies each from its sender's memory into the receiver's buffers, the only copy there is.
 *
 * <p>Used buffers become visible, and the guest is notified, at {@link #flush}, once a queue and burst. Owned by one worker.
 */
final class Egress {
    /** In place of the address of a frame that is in several pieces. */
    private static final long SEVERAL = 0;

    private final Segments buffers = new Segments();
    private final long[] sources = new long[Ingress.BURST];
    private final int[] lengths = new int[Ingress.BURST];
    private final long[] targets = new long[Ingress.BURST];
    private final int[] capacities = new int[Ingress.BURST];
    private final EgressBurst burst;
    private final Effort effort;
    private final ScatteredEgress scattered;
    private final OffloadEgress offloads;
    private final UplinkWriter uplinks;
    private final VlanEgress vlans = new VlanEgress();
    /** All features that the burst's frames need. */
    private int needs;
    /** The first frame, by its sequence, that is known not to be done with; with {@link #pending} it is found again after a fault. */
    private long next;
    /** Frames from there on that take a chain each, if these are out; each is done with when its chain was used. */
    private int pending;
    /** Where the last frames went; null if to an uplink. */
    private ReceiveQueue receiver;

    Egress(final Notifier notifier, final Effort effort) {
        this.effort = effort;
        final FrameReader reader = new FrameReader();
        burst = new EgressBurst(notifier);
        scattered = new ScatteredEgress(burst, reader, buffers, effort);
        final Segmenter segmenter = new Segmenter(reader, ThreadLocalRandom.current().nextInt());
        offloads = new OffloadEgress(scattered, segmenter, buffers, effort);
        uplinks = new UplinkWriter(offloads, segmenter, reader, effort);
    }

    /** Frames delivered since the start. */
    long delivered() {
        return burst.delivered();
    }

    /** Delivers frames that lie behind each other and go to the same queue, or drops them and counts why. */
    void deliver(final FrameRing frames, final long first, final int count, final Sink sink) {
        begin(first);
        if (sink.port().vlan() == null) {
            deliverAsTheyAre(frames, first, count, sink);
            return;
        }
        for (int done = 0; done < count; done += Ingress.BURST) {
            final int some = Math.min(count - done, Ingress.BURST);
            deliverAsTheyAre(vlans.leaving(), 0, vlans.prepare(frames, first + done, some, sink), sink);
        }
    }

    /**
     * Delivers frames with the tags they have.
     *
     * <p>To a guest in three passes over as many as fit a buffer each, so that cache misses overlap: buffers, then headers, then the
     * copies.
     */
    private void deliverAsTheyAre(final FrameRing frames, final long first, final int count, final Sink sink) {
        if (!(sink instanceof final ReceiveQueue queue)) {
            receiver = null;
            burst.delivered(uplinks.deliver(frames, first, count, (UplinkQueue) sink));
            next += uplinks.leaveOff();
            return;
        }
        receiver = queue;
        int done = 0;
        while (done < count) {
            final DeviceRing ring = queue.ring();
            if (ring == null || !queue.enabled()) {
                final DropReason refusal = queue.refusal();
                for (; done < count; done++) {
                    queue.counters().dropped(refusal);
                }
                return;
            }
            if (effort.bars(queue)) {
                for (; done < count; done++) {
                    queue.counters().dropped(DropReason.SMALL_BUFFER);
                }
                return;
            }
            done += deliverSome(frames, first + done, Math.min(count - done, targets.length), queue, ring);
        }
    }

    private int deliverSome(final FrameRing frames, final long first, final int count, final ReceiveQueue queue, final DeviceRing ring) {
        final int unchanged = unchanged(frames, first, count, queue, ring);
        ring.clearWork();
        final int taken = ring.nextPlain(targets, capacities, 0, unchanged, true);
        int fitting = 0;
        while (fitting < taken && capacities[fitting] >= lengths[fitting]) {
            fitting++;
        }
        ring.rewind(taken - fitting);
        if (fitting > 0) {
            pending = fitting;
            writeHeaders(frames, first, fitting, ring.headerLength());
            final long bytes = fill(frames, first, fitting, ring);
            next += fitting;
            pending = 0;
            burst.done(queue, fitting, bytes);
        }
        if (ring.work() > 0) {
            effort.spend(frames.get(first), ring.work());
            ring.clearWork();
        }
        if (fitting == count) {
            return count;
        }
        final Frame special = frames.get(first + fitting);
        effort.spend(special, taken - fitting);
        if (fitting == unchanged) {
            offloads.deliver(special, queue, ring);
        } else {
            final int result = ring.next(buffers, true);
            pending = 1;
            scattered.whole(special, queue, ring, result);
        }
        next++;
        pending = 0;
        return fitting + 1;
    }

    /** Notes that nothing from a frame on, by its sequence, is done with. */
    void begin(final long sequence) {
        next = sequence;
        pending = 0;
    }

    /**
     * Finds out after a fault how many of the frames delivered last are done with: not from what went on when it was raised, but from
     * what is out of the ring. Before rings are put in order.
     *
     * @return the first frame, by its sequence, that is not done with
     */
    long leaveOff() {
        next += uplinks.leaveOff();
        final DeviceRing ring = receiver == null ? null : receiver.ring();
        if (ring != null) {
            next += Math.max(0, pending - ring.out());
        }
        pending = 0;
        burst.forget();
        return next;
    }

    /** Where the last frames went; null if to an uplink. */
    ReceiveQueue receiver() {
        return receiver;
    }

    /** Adds what it may have touched of buffers, to look for a fault. */
    void addTouched(final TouchedRanges ranges) {
        for (int i = 0; i < targets.length; i++) {
            ranges.add(targets[i], Math.min(lengths[i], capacities[i]), true);
        }
        ranges.add(buffers, true);
        scattered.addTouched(ranges);
    }

    /** How many frames in front go to this receiver as they are; notes where they are, and how much is to be written for each. */
    private int unchanged(final FrameRing frames, final long first, final int count, final ReceiveQueue queue, final DeviceRing ring) {
        final int headerLength = ring.headerLength();
        final int mtu = queue.port().mtu();
        final int refused = ~(int) ring.features();
        needs = 0;
        for (int i = 0; i < count; i++) {
            final Frame frame = frames.get(first + i);
            if ((frame.needs() & refused) != 0 || frame.totalLength() > mtu + Ethernet.HEADER && offloads.exceeds(frame, mtu)) {
                return i;
            }
            needs |= frame.needs();
            lengths[i] = headerLength + frame.totalLength();
            sources[i] = frame.count() == 1 ? frame.address(0) : SEVERAL;
        }
        return count;
    }

    private void writeHeaders(final FrameRing frames, final long first, final int count, final int headerLength) {
        for (int i = 0; i < count; i++) {
            if (needs == 0 || frames.get(first + i).needs() == 0) {
                VnetHeader.writePlain(targets[i], headerLength, 1);
            } else {
                frames.get(first + i).header().write(targets[i], headerLength, 1);
            }
        }
    }

    /** Fills the buffers taken, one frame each, and gives them back; how many bytes the frames have. */
    private long fill(final FrameRing frames, final long first, final int count, final DeviceRing ring) {
        final int headerLength = ring.headerLength();
        long bytes = 0;
        for (int i = 0; i < count; i++) {
            final int length = lengths[i] - headerLength;
            if (sources[i] == SEVERAL) {
                gather(frames.get(first + i), targets[i] + headerLength);
                effort.spend(frames.get(first + i), 2L * frames.get(first + i).count());
            } else {
                Memory.copy(sources[i], targets[i] + headerLength, length);
            }
            bytes += length;
        }
        if (ring.log() != null) {
            log(count, ring.log());
        }
        ring.use(lengths, count);
        return bytes;
    }

    private void log(final int count, final RingLog log) {
        DirtyLog.fence();
        for (int i = 0; i < count; i++) {
            log.written(targets[i], lengths[i]);
        }
    }

    private static void gather(final Frame frame, final long to) {
        long at = to;
        for (int i = 0; i < frame.count(); i++) {
            Memory.copy(frame.address(i), at, frame.length(i));
            at += frame.length(i);
        }
    }

    /** Ends the burst for every queue that got something. */
    void flush() {
        burst.flush();
    }
}
