package io.ringbridge.datapath.forward;

import io.ringbridge.datapath.bridge.Bridge;
import io.ringbridge.datapath.bridge.VlanBridge;
import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.frame.FrameRing;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.TouchedRanges;
import io.ringbridge.datapath.packet.FrameKinds;
import io.ringbridge.datapath.packet.VlanTag;
import io.ringbridge.datapath.packet.VnetHeader;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.Mirror;
import io.ringbridge.datapath.port.Mirrors;
import io.ringbridge.datapath.port.Source;
import io.ringbridge.datapath.port.TransmitQueue;
import io.ringbridge.datapath.port.UplinkQueue;
import io.ringbridge.datapath.ring.DeviceRing;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.Owner;
import org.jspecify.annotations.Nullable;

import java.util.Arrays;

/**
 * Takes frames from transmit queues and uplinks. Reads their descriptors and headers, asks the bridge for verdicts, and
 * passes the frames to the workers that deliver them. Returns the buffers once all of those workers are done.
 *
 * <p>Owned by one worker.
 */
public final class Ingress {
    /** The most frames taken from a queue at a time. */
    static final int BURST = 64;

    /** The offloads that the kernel may request for frames from a tap or an interface. */
    private static final long UPLINK_FEATURES =
        Features.of(Features.CSUM, Features.HOST_TSO4, Features.HOST_TSO6, Features.HOST_ECN, Features.HOST_USO);
    private static final long NOTHING = -1;
    private static final long MAX_BURST_BYTES = (long) Effort.BURST << Effort.BYTES;

    private final int own;
    private final Owner owner;
    private final Inbox[] inboxes;
    private final FrameRing frames;
    private final Bridge bridge;
    private final VlanBridge vlans;
    private final Notifier notifier;
    private final Effort effort;
    private final FrameRecorder recorder;
    private final LatencySampler sampler;
    private final long[] sequences;
    private final long[] destinations = new long[BURST];
    private final long[] sources = new long[BURST];
    private final OffloadIngress offloads = new OffloadIngress();
    private final Captures captures;
    private final Mirrors mirrors;
    private final MirrorIngress copies;
    private final IngressBurst burst;
    /** The lengths of the burst's frames that were not dropped. */
    private final int[] moved = new int[BURST];
    private long claimedFrom;
    private long claimedTo = NOTHING;
    /** The source of the frames that the claimed entries are for. */
    private @Nullable Source claimedFor;
    /** The number of bursts that the source had noted when the entries were claimed. */
    private int burstsBefore;
    /** The counts of {@link FrameKinds#ofDestination} of the burst's flooded frames. */
    private long groups;

    public Ingress(final int own, final Owner owner, final Inbox[] inboxes, final Bridge bridge, final VlanBridge vlans,
                   final Notifier notifier, final Effort effort, final Observation observation) {
        sampler = observation.sampler();
        recorder = observation.recorder();
        mirrors = observation.mirrors();
        this.notifier = notifier;
        this.effort = effort;
        this.own = own;
        captures = new Captures(own);
        this.owner = owner;
        this.inboxes = inboxes;
        frames = inboxes[own].frames();
        burst = new IngressBurst(frames, offloads);
        this.bridge = bridge;
        this.vlans = vlans;
        sequences = new long[inboxes.length];
        copies = new MirrorIngress(own, inboxes, effort, sequences);
    }

    /**
     * Takes a burst from a queue, if the queue has frames and the frame ring has room.
     *
     * @param now the time in seconds
     * @param nanos the start of the duty cycle
     * @return the number of chains taken
     */
    public int poll(final TransmitQueue queue, final int now, final long nanos) {
        assert owner.isCaller();
        final DeviceRing ring = queue.ring();
        if (ring == null) {
            queue.checkWait(nanos);
            return 0;
        }
        if (!queue.ready()) {
            return 0;
        }
        if (queue.port().failure() != null) {
            queue.abandon();
            return 0;
        }
        final int count = Math.min(ring.available(), mirrors.burst());
        if (count <= 0) {
            if (ring.fault() != null) {
                queue.breakRing();
            }
            return 0;
        }
        if (queue.source().isInDebt() && effort.leavesOut(queue.source()) || !claim(count, queue.source())) {
            return 0;
        }
        ring.clearWork();
        final boolean mayOffload = (ring.features() & VnetHeader.OFFERED) != 0;
        final int described = burst.take(queue, ring, claimedFrom, count, mayOffload);
        readAddresses(described);
        int checked = described;
        if (mayOffload) {
            checked = offloads.check(frames, claimedFrom, described, queue.counters(), ring.features(),
                VnetHeader.REQUESTING);
            dropFrom(claimedFrom + checked);
        }
        final int taken = decide(queue.source(), checked, now);
        effort.spend(ring.work() + (long) Effort.FRAME * taken);
        if (taken < described) {
            ring.rewind(described - taken);
        }
        record(queue.source(), taken);
        publish();
        if (taken < count && ring.isWaiting()) {
            queue.awaitMore();
        }
        if (ring.fault() != null) {
            queue.breakRing();
        }
        return taken;
    }

    /**
     * Takes a burst from an uplink, if the device has frames and the frame ring has room.
     *
     * @param now the time in seconds
     * @param nanos the start of the duty cycle
     * @return the number of frames taken, or a negative number if the device is gone
     */
    public int poll(final UplinkQueue queue, final int now, final long nanos) {
        assert owner.isCaller();
        if (!queue.ready() || queue.port().failure() != null) {
            return 0;
        }
        final int count = queue.fill(mirrors.burst(), nanos);
        if (count <= 0 || queue.source().isInDebt() && effort.leavesOut(queue.source())
            || !claim(count, queue.source())) {
            return Math.min(count, 0);
        }
        burst.take(queue, claimedFrom, count);
        readAddresses(count);
        final int checked = offloads.check(frames, claimedFrom, count, queue.source().counters(), UPLINK_FEATURES,
            VnetHeader.REQUESTING_UPLINK);
        dropFrom(claimedFrom + checked);
        final int taken = decide(queue.source(), checked, now);
        effort.spend((long) (Effort.FRAME + Effort.CALL) * taken);
        if (taken < count) {
            queue.rewind(count - taken);
        }
        record(queue.source(), taken);
        publish();
        return taken;
    }

    /**
     * Claims entries of the worker's own frame ring.
     *
     * @return whether the ring had room
     */
    private boolean claim(final int count, final Source source) {
        Memory.surfaceFault(); // not between claiming entries and noting that they have to be published
        final long last = frames.claim(count);
        if (last == FrameRing.FULL) {
            return false;
        }
        claimedFor = source;
        source.counters().forgetDrop();
        burstsBefore = source.bursts();
        claimedFrom = last - count + 1;
        claimedTo = last;
        Arrays.fill(sequences, NOTHING);
        sequences[own] = last;
        sampler.count(frames, claimedFrom, count);
        return true;
    }

    /**
     * Reads the addresses of frames that were taken. This is the second of three passes, which make cache misses
     * overlap: all descriptors, then all Ethernet headers, then the verdicts. The loop is so short that the processor
     * has many of its loads in flight at a time.
     */
    private void readAddresses(final int taken) {
        final long[] headers = burst.headers();
        for (int i = 0; i < taken; i++) {
            // Two loads cover both addresses: bytes 0 to 7 and bytes 4 to 11.
            destinations[i] = Memory.getLong(headers[i]);
            sources[i] = Memory.getLong(headers[i] + 4);
        }
    }

    /**
     * Asks the bridge for verdicts on frames that were taken.
     *
     * @return the number of frames that stay taken
     */
    private int decide(final Source source, final int taken, final int now) {
        effort.beginFloods();
        groups = 0;
        if (source.port().vlan() != null) {
            return decideInVlans(source, taken, now);
        }
        final boolean alone = inboxes.length == 1;
        long bytes = 0;
        long copied = 0;
        int good = 0;
        int decided = taken;
        for (int i = 0; i < taken; i++) {
            final Frame frame = frames.get(claimedFrom + i);
            if (frame.verdict() != Frame.Verdict.ACCEPTED) {
                continue;
            }
            bridge.classify(frame, destinations[i] & Frame.ADDRESS_MASK, sources[i] >>> 16, source, now);
            if (frame.verdict() != Frame.Verdict.DROP) {
                final int length = frame.totalLength();
                copied += frame.verdict() == Frame.Verdict.UNICAST ? length : flooded(i, length, source, 0);
                if (!alone && !passOn(frame, source, 0)) {
                    dropFrom(claimedFrom + i);
                    decided = i;
                    break;
                }
                moved[good++] = length;
                bytes += length;
                if (copied > MAX_BURST_BYTES) {
                    dropFrom(claimedFrom + i + 1);
                    decided = i + 1;
                    break;
                }
            }
        }
        count(source, good, bytes);
        effort.spend(copied >>> Effort.BYTES);
        return decided;
    }

    /**
     * Asks the bridge for verdicts on frames of a port with VLANs. A loop of its own keeps the one in {@link #decide}
     * short.
     *
     * @return the number of frames that stay taken
     */
    private int decideInVlans(final Source source, final int taken, final int now) {
        long bytes = 0;
        long copied = 0;
        int good = 0;
        int decided = taken;
        for (int i = 0; i < taken; i++) {
            final Frame frame = frames.get(claimedFrom + i);
            if (frame.verdict() != Frame.Verdict.ACCEPTED) {
                continue;
            }
            final long tag =
                vlans.classify(frame, destinations[i] & Frame.ADDRESS_MASK, sources[i] >>> 16, source, now);
            frames.tag(claimedFrom + i, tag);
            if (frame.verdict() != Frame.Verdict.DROP) {
                final int length = frame.totalLength();
                copied += frame.verdict() == Frame.Verdict.UNICAST ? length
                    : flooded(i, length, source, VlanTag.vlan(tag));
                if (inboxes.length > 1 && !passOn(frame, source, tag)) {
                    dropFrom(claimedFrom + i);
                    decided = i;
                    break;
                }
                moved[good++] = length;
                bytes += length;
                if (copied > MAX_BURST_BYTES) {
                    dropFrom(claimedFrom + i + 1);
                    decided = i + 1;
                    break;
                }
            }
        }
        count(source, good, bytes);
        effort.spend(copied >>> Effort.BYTES);
        return decided;
    }

    private void count(final Source source, final int frameCount, final long bytes) {
        source.counters().moved(frameCount, bytes);
        source.counters().movedLengths(FrameKinds.ofLengths(moved, frameCount, 0));
        source.counters().movedTo(frameCount, groups);
    }

    /**
     * Counts the destination of a flooded frame, which every port may receive.
     *
     * @return the work for it, in bytes that could be copied instead
     */
    private long flooded(final int i, final int length, final Source source, final int vlan) {
        groups += FrameKinds.ofDestination(destinations[i]);
        return (long) (length + (Effort.FRAME << Effort.BYTES)) * effort.fanOut(source.port().index(), vlan);
    }

    /**
     * Records a burst with the copies for mirrors, then its frames in the trace and in captures. A fault there does not
     * undo the burst.
     */
    private void record(final Source source, final int taken) {
        if (taken > 0) {
            final Mirror[] present = mirrors.all();
            for (int i = 0; i < present.length; i++) {
                claimedTo = copies.copy(present[i], i, claimedFrom, taken, source, claimedTo);
            }
            source.recordBurst(taken, sequences);
            recorder.taken(frames, claimedFrom, taken, source);
            captures.taken(frames, claimedFrom, taken, source.port());
        }
    }

    private void dropFrom(final long first) {
        frames.drop(first, claimedTo);
    }

    /**
     * Passes a reference to a frame to the other workers that are to deliver it.
     *
     * @param tag the tag of a frame in a VLAN, else 0
     * @return false if only one worker is to deliver the frame and its ring has no room
     */
    private boolean passOn(final Frame frame, final Source source, final long tag) {
        if (frame.verdict() == Frame.Verdict.UNICAST) {
            final int owner = frame.receiver().owner().index();
            if (owner == own) {
                return true;
            }
            final boolean passed = passTo(frame, source, owner, tag);
            frame.drop();
            return passed;
        }
        for (int i = 0; i < inboxes.length; i++) {
            if (i != own && !passTo(frame, source, i, tag)) {
                source.counters().dropped(DropReason.FRAME_RING_FULL); // a retry would pass the others a second copy
            }
        }
        return true;
    }

    private boolean passTo(final Frame frame, final Source source, final int worker, final long tag) {
        final FrameRing ring = inboxes[worker].frames();
        Memory.surfaceFault(); // not before the entry is published: its worker would wait for it forever
        final long sequence = ring.claim(1);
        if (sequence == FrameRing.FULL) {
            return false;
        }
        ring.get(sequence).copyOf(frame);
        ring.get(sequence).origin(source);
        effort.spend(frame.count() - 1L); // Effort.FRAME includes the first piece
        if (tag != 0) {
            ring.tag(sequence, tag);
        }
        if (sampler.isChosen(frame)) {
            sampler.passed(inboxes[worker].timed(), frame, sequence);
        }
        ring.publish(sequence, sequence);
        sequences[worker] = sequence;
        return true;
    }

    private void publish() {
        sampler.endBurst(inboxes[own].timed());
        frames.publish(claimedFrom, claimedTo);
        claimedTo = NOTHING;
        for (int i = 0; i < inboxes.length; i++) {
            if (i != own && sequences[i] != NOTHING) {
                inboxes[i].wakeIfAsleep();
            }
        }
    }

    /** Returns the buffers of every burst that all workers are done with. */
    public void complete(final TransmitQueue queue) {
        assert owner.isCaller();
        effort.settle(queue.source(), sequences);
        boolean any = false;
        while (isOldestDone(queue.source())) {
            queue.releaseOldest();
            any = true;
        }
        if (any) {
            queue.publish();
            notifier.add(queue);
        }
    }

    /** Frees the buffers of every burst that all workers are done with. */
    public void complete(final UplinkQueue queue) {
        assert owner.isCaller();
        effort.settle(queue.source(), sequences);
        while (isOldestDone(queue.source())) {
            queue.releaseOldest();
        }
    }

    private boolean isOldestDone(final Source source) {
        if (source.oldestBurst() == 0) {
            return false;
        }
        for (int i = 0; i < inboxes.length; i++) {
            if (inboxes[i].frames().consumed() < source.oldestSequence(i)) {
                return false;
            }
        }
        return true;
    }

    /**
     * Publishes the entries that a fault left claimed. If the burst was noted, its buffers wait for these entries,
     * which are published as they are. Otherwise they are published as dropped.
     */
    public void recover() {
        if (claimedTo != NOTHING) {
            assert claimedFor != null : "entries are claimed for a source";
            if (claimedFor.bursts() == burstsBefore) {
                dropFrom(claimedFrom);
            }
            publish();
        }
        effort.forget();
    }

    /** Adds the memory of the current burst that may have been accessed, for the search for a fault. */
    public void addTouched(final TouchedRanges ranges) {
        burst.addTouched(ranges);
        if (claimedTo != NOTHING) {
            for (long sequence = claimedFrom; sequence <= claimedTo; sequence++) {
                ranges.add(frames.get(sequence), false);
            }
        }
    }
}
