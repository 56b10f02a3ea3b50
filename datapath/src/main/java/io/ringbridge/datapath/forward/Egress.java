package io.ringbridge.datapath.forward;

import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.frame.FrameRing;
import io.ringbridge.datapath.memory.DirtyLog;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.TouchedRanges;
import io.ringbridge.datapath.packet.Ethernet;
import io.ringbridge.datapath.packet.FrameKinds;
import io.ringbridge.datapath.packet.PieceReader;
import io.ringbridge.datapath.packet.Segmenter;
import io.ringbridge.datapath.packet.VnetHeader;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.Mirror;
import io.ringbridge.datapath.port.Mirrors;
import io.ringbridge.datapath.port.PortCapture;
import io.ringbridge.datapath.port.PortVlan;
import io.ringbridge.datapath.port.ReceiveQueue;
import io.ringbridge.datapath.port.Sink;
import io.ringbridge.datapath.port.UplinkQueue;
import io.ringbridge.datapath.ring.DeviceRing;
import io.ringbridge.datapath.ring.Owner;
import io.ringbridge.datapath.ring.RingLog;
import org.jspecify.annotations.Nullable;

import java.util.concurrent.ThreadLocalRandom;

/**
 * Delivers frames by copying each from its sender's memory into the receiver's buffers. There is no other copy.
 *
 * <p>Used buffers become visible, and the guest is notified, once per queue per burst, in {@link #flush}.
 *
 * <p>Owned by one worker.
 */
final class Egress {
    /** Replaces the address of a frame that is not contiguous. */
    private static final long SEVERAL = 0;

    private final long[] sources = new long[Ingress.BURST];
    private final int[] lengths = new int[Ingress.BURST];
    private final long[] targets = new long[Ingress.BURST];
    private final int[] capacities = new int[Ingress.BURST];
    private final int worker;
    private final Owner owner;
    private final Mirrors mirrors;
    private final EgressBurst burst;
    private final Effort effort;
    private final ScatteredEgress scattered;
    private final OffloadEgress offloads;
    private final UplinkWriter uplinks;
    private final VlanEgress vlans = new VlanEgress();
    private final FrameRecorder recorder;
    private final Captures captures;
    private final DestinationCount destinationCount = new DestinationCount();
    /** The union of the features that the burst's frames need. */
    private int needs;
    /** The sequence of the first frame not known to be finished. {@link #findUnfinished} corrects it after a fault. */
    private long next;
    /** The frames from {@link #next} on with one taken chain each. A frame is finished when its chain is used. */
    private int pending;
    /** The queue that received the last frames, or null if they went to an uplink. */
    private @Nullable ReceiveQueue receiver;

    Egress(final int worker, final Owner owner, final Notifier notifier, final Effort effort,
           final FrameRecorder recorder, final Mirrors mirrors) {
        this.worker = worker;
        this.owner = owner;
        this.mirrors = mirrors;
        this.recorder = recorder;
        captures = new Captures(worker);
        this.effort = effort;
        final PieceReader reader = new PieceReader();
        burst = new EgressBurst(notifier);
        scattered = new ScatteredEgress(burst, reader, effort);
        final Segmenter segmenter = new Segmenter(reader, ThreadLocalRandom.current().nextInt());
        offloads = new OffloadEgress(scattered, segmenter, effort);
        uplinks = new UplinkWriter(offloads, segmenter, reader, effort, recorder, destinationCount);
    }

    /** Returns the number of frames delivered since the start. */
    long delivered() {
        return burst.delivered();
    }

    /** Delivers consecutive frames to one queue. Frames that cannot be delivered are dropped and counted. */
    void deliver(final FrameRing frames, final long first, final int count, final Sink sink) {
        assert owner.isCaller();
        begin(first);
        destinationCount.begin(frames.get(first));
        if (sink.port().outCaptures().length > 0) {
            deliverEach(frames, first, count, sink);
            return;
        }
        final PortVlan vlan = sink.port().vlan();
        if (vlan == null) {
            deliverAsTheyAre(frames, first, count, sink);
            return;
        }
        if (vlan.isReserved()) {
            deliverEach(frames, first, count, sink);
            return;
        }
        deliverInVlans(frames, first, count, sink);
    }

    /** Delivers frames with the tags that the port requires, and drops those that it cannot have. */
    private void deliverInVlans(final FrameRing frames, final long first, final int count, final Sink sink) {
        int done = 0;
        while (done < count) {
            final int wanted = Math.min(count - done, Ingress.BURST);
            final int prepared = vlans.prepare(frames, first + done, wanted, sink);
            if (prepared > 0) {
                deliverAsTheyAre(vlans.prepared(), 0, prepared, sink);
            }
            done += prepared;
            if (prepared < wanted) {
                drop(frames, first + done, 1, sink, DropReason.VLAN_TAGGED);
                done++;
            }
        }
    }

    /**
     * Delivers frames to a port with captures, or copies to the destination of a mirror. Delivers them one by one, so
     * that the queue's counters show what became of each.
     */
    private void deliverEach(final FrameRing frames, final long first, final int count, final Sink sink) {
        final PortCapture[] copies = sink.port().outCaptures();
        final boolean reserved = sink.port().isReserved();
        final boolean inVlans = !reserved && sink.port().vlan() != null;
        final long nanos = System.nanoTime();
        for (long sequence = first; sequence < first + count; sequence++) {
            begin(sequence);
            sink.counters().forgetDrop();
            Frame frame = frames.get(sequence);
            if (!inVlans) {
                deliverAsTheyAre(frames, sequence, 1, sink);
            } else if (vlans.prepare(frames, sequence, 1, sink) > 0) {
                frame = vlans.prepared().get(0);
                deliverAsTheyAre(vlans.prepared(), 0, 1, sink);
            } else {
                drop(frames, sequence, 1, sink, DropReason.VLAN_TAGGED);
            }
            begin(sequence + 1); // finished, also if the capture meets a fault
            if (reserved) {
                countCopy(frame, sink.counters().lastDrop());
            }
            captures.left(frame, nanos, sink.counters().lastDrop(), copies);
        }
    }

    private void countCopy(final Frame copy, final @Nullable DropReason reason) {
        final Mirror mirror = mirrors.at(copy.mirror());
        if (mirror == null) {
            return;
        }
        if (reason == null) {
            mirror.counters(worker).moved(1, copy.totalLength());
        } else {
            mirror.counters(worker).dropped(reason);
        }
    }

    /**
     * Delivers frames with the tags they have.
     *
     * <p>Frames for a guest that fit one buffer each are delivered in three passes, which make cache misses overlap:
     * buffers, then headers, then copies.
     */
    private void deliverAsTheyAre(final FrameRing frames, final long first, final int count, final Sink sink) {
        if (!(sink instanceof final ReceiveQueue queue)) {
            receiver = null;
            burst.addDelivered(uplinks.deliver(frames, first, count, (UplinkQueue) sink));
            next += uplinks.resetBegun();
            return;
        }
        receiver = queue;
        int done = 0;
        while (done < count) {
            final DeviceRing ring = queue.ring();
            if (ring == null || !queue.enabled()) {
                drop(frames, first + done, count - done, queue, queue.refusal());
                return;
            }
            if (effort.bars(queue)) {
                drop(frames, first + done, count - done, queue, DropReason.SMALL_BUFFER);
                return;
            }
            done += deliverSome(frames, first + done, Math.min(count - done, targets.length), queue, ring);
        }
    }

    private void drop(final FrameRing frames, final long first, final int count, final Sink sink,
                      final DropReason reason) {
        for (int i = 0; i < count; i++) {
            sink.counters().dropped(reason);
            next++; // finished, also if the record meets a fault
            recorder.left(frames.get(first + i), sink, reason);
        }
    }

    private int deliverSome(final FrameRing frames, final long first, final int count, final ReceiveQueue queue,
                            final DeviceRing ring) {
        final int unchanged = countUnchanged(frames, first, count, queue, ring);
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
            burst.recordDelivered(queue, fitting, bytes,
                FrameKinds.ofLengths(lengths, fitting, ring.headerLength()));
            destinationCount.count(frames, first, fitting, queue.counters());
            recorder.delivered(frames, first, fitting, queue);
        }
        if (ring.work() > 0) {
            effort.spend(frames.get(first), ring.work());
            ring.clearWork();
        }
        if (fitting == count) {
            return count;
        }
        effort.spend(frames.get(first + fitting), taken - fitting);
        deliverSpecial(frames.get(first + fitting), fitting < unchanged, queue, ring);
        return fitting + 1;
    }

    /**
     * Delivers a frame that does not fit one buffer, or cannot stay as it is.
     *
     * @param whole whether the frame stays as it is
     */
    private void deliverSpecial(final Frame special, final boolean whole, final ReceiveQueue queue,
                                final DeviceRing ring) {
        final long before = burst.delivered();
        queue.counters().forgetDrop();
        if (whole) {
            scattered.takeFirst(ring);
            pending = 1;
            scattered.deliverWhole(special, queue, ring);
        } else {
            offloads.deliver(special, queue, ring);
        }
        next++;
        pending = 0;
        destinationCount.count(special, burst.delivered() - before, queue.counters());
        recorder.left(special, queue, queue.counters().lastDrop());
    }

    /** Records that the frames from a sequence on are not finished. */
    void begin(final long sequence) {
        next = sequence;
        pending = 0;
    }

    /**
     * Finds, after a fault, the first frame that is not finished. The chains that are out of the ring decide, and not
     * the point at which the fault was raised. Called before the rings are restored.
     *
     * @return the sequence of that frame
     */
    long findUnfinished() {
        next += uplinks.resetBegun();
        final DeviceRing ring = receiver == null ? null : receiver.ring();
        if (ring != null) {
            next += Math.max(0, pending - ring.out());
        }
        pending = 0;
        burst.forget();
        return next;
    }

    /** Returns the queue that received the last frames, or null if they went to an uplink. */
    @Nullable ReceiveQueue receiver() {
        return receiver;
    }

    /** Adds the buffers that may have been accessed, for the search for a fault. */
    void addTouched(final TouchedRanges ranges) {
        for (int i = 0; i < targets.length; i++) {
            ranges.add(targets[i], Math.min(lengths[i], capacities[i]), true);
        }
        scattered.addTouched(ranges);
    }

    /** Returns how many of the first frames go to this receiver unchanged, and records their addresses and lengths. */
    private int countUnchanged(final FrameRing frames, final long first, final int count, final ReceiveQueue queue,
                               final DeviceRing ring) {
        final int headerLength = ring.headerLength();
        final int mtu = queue.port().mtu();
        final int refused = ~(int) ring.features();
        needs = 0;
        for (int i = 0; i < count; i++) {
            final Frame frame = frames.get(first + i);
            if ((frame.needs() & refused) != 0
                || frame.totalLength() > mtu + Ethernet.HEADER && offloads.exceeds(frame, mtu)) {
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

    /**
     * Fills the buffers taken with one frame each, and returns them as used.
     *
     * @return the number of bytes in the frames
     */
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

    /** Ends the burst for every queue that received frames. */
    void flush() {
        assert owner.isCaller();
        burst.flush();
    }
}
