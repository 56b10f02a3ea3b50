package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.bridge.Bridge;
import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.frame.FrameRing;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.TransmitQueue;
import io.ringbridge.datapath.ring.DeviceRing;

import java.util.Arrays;

/**
 * Takes frames from transmit queues: reads their descriptors and headers, has the bridge decide, and hands them to the workers that
 * deliver them. Gives the buffers back once all of those have. Owned by one worker.
 */
final class Ingress {
    /** Frames taken from a queue at a time. */
    static final int BURST = 32;

    private static final int ETHERNET_HEADER = 14;
    /** The longest frame any port takes: 64 KiB of payload, an Ethernet header and a VLAN tag. */
    private static final int MAX_FRAME = 65535 + ETHERNET_HEADER + 4;
    private static final long NOTHING = -1;

    private final int own;
    private final Worker[] workers;
    private final FrameRing frames;
    private final Bridge bridge;
    private final long[] sequences;
    private final long scratch = Memory.allocate(ETHERNET_HEADER);
    private long claimedFrom;
    private long claimedTo = NOTHING;

    Ingress(final int own, final Worker[] workers, final FrameRing frames, final Bridge bridge) {
        this.own = own;
        this.workers = workers;
        this.frames = frames;
        this.bridge = bridge;
        sequences = new long[workers.length];
    }

    /**
     * Takes a burst from a queue, if it has one and there is room.
     *
     * @param now in seconds
     * @return how many chains were taken
     */
    int poll(final TransmitQueue queue, final int now) {
        final DeviceRing ring = queue.ring();
        if (ring == null || !queue.ready()) {
            return 0;
        }
        if (queue.port().failure() != null) {
            queue.abandon();
            return 0;
        }
        final int count = Math.min(ring.available(), BURST);
        if (count <= 0) {
            if (ring.fault() != null) {
                queue.breakRing();
            }
            return 0;
        }
        final long last = frames.claim(count);
        if (last == FrameRing.FULL) {
            return 0;
        }
        claimedFrom = last - count + 1;
        claimedTo = last;
        Arrays.fill(sequences, NOTHING);
        sequences[own] = last;
        final int taken = take(queue, ring, now);
        if (taken > 0) {
            queue.noteBurst(taken, sequences);
        }
        publish();
        if (ring.fault() != null) {
            queue.breakRing();
        }
        return taken;
    }

    private int take(final TransmitQueue queue, final DeviceRing ring, final int now) {
        final boolean enabled = queue.enabled();
        final boolean alone = workers.length == 1;
        long bytes = 0;
        int good = 0;
        int taken = 0;
        for (long sequence = claimedFrom; sequence <= claimedTo; sequence++) {
            final Frame frame = frames.get(sequence);
            frame.drop();
            final int result = ring.next(frame, false);
            if (result == DeviceRing.EMPTY || result == DeviceRing.BROKEN) {
                continue;
            }
            taken++;
            if (accept(frame, queue, ring, result, enabled, now)) {
                if (!alone && !handOver(frame, queue)) {
                    ring.rewind(1);
                    taken--;
                    dropFrom(sequence);
                    break;
                }
                good++;
                bytes += frame.totalLength();
            }
        }
        queue.counters().moved(good, bytes);
        return taken;
    }

    private void dropFrom(final long first) {
        for (long sequence = first; sequence <= claimedTo; sequence++) {
            frames.get(sequence).drop();
        }
    }

    /** Checks a frame and decides on it; false when it is dropped. */
    private boolean accept(final Frame frame, final TransmitQueue queue, final DeviceRing ring, final int result, final boolean enabled,
                           final int now) {
        final DropReason reason = result == DeviceRing.BAD ? DropReason.BAD_DESCRIPTOR
            : frame.totalLength() < ring.headerLength() + ETHERNET_HEADER ? DropReason.SHORT_FRAME
            : frame.totalLength() > ring.headerLength() + MAX_FRAME ? DropReason.OVERSIZE_FRAME
            : enabled ? null : DropReason.QUEUE_DISABLED;
        if (reason != null) {
            queue.counters().dropped(reason);
            return false;
        }
        frame.skip(ring.headerLength());
        long header = frame.address(0);
        if (frame.length(0) < ETHERNET_HEADER) {
            frame.peek(scratch, ETHERNET_HEADER);
            header = scratch;
        }
        // Two loads cover both addresses: bytes 0 to 7, and 4 to 11.
        final long destination = Memory.getLong(header) & Frame.ADDRESS_MASK;
        final long source = Memory.getLong(header + 4) >>> 16;
        bridge.classify(frame, destination, source, queue, now);
        return frame.verdict() != Frame.Verdict.DROP;
    }

    /** Copies a frame to the other workers that are to deliver it; false when the one that is to has no room. */
    private boolean handOver(final Frame frame, final TransmitQueue queue) {
        if (frame.verdict() == Frame.Verdict.UNICAST) {
            final int owner = frame.receiver().owner().index();
            if (owner == own) {
                return true;
            }
            final boolean given = give(frame, owner);
            frame.drop();
            return given;
        }
        for (int i = 0; i < workers.length; i++) {
            if (i != own && !give(frame, i)) {
                queue.counters().dropped(DropReason.FRAME_RING_FULL); // waiting would hand the others a second copy
            }
        }
        return true;
    }

    private boolean give(final Frame frame, final int worker) {
        final FrameRing ring = workers[worker].frames();
        final long sequence = ring.claim(1);
        if (sequence == FrameRing.FULL) {
            return false;
        }
        ring.get(sequence).copyOf(frame);
        ring.publish(sequence, sequence);
        sequences[worker] = sequence;
        return true;
    }

    private void publish() {
        frames.publish(claimedFrom, claimedTo);
        claimedTo = NOTHING;
        for (int i = 0; i < workers.length; i++) {
            if (i != own && sequences[i] != NOTHING) {
                workers[i].wakeIfAsleep();
            }
        }
    }

    /** Gives back the buffers of every burst that all workers have done with. */
    void complete(final TransmitQueue queue) {
        boolean any = false;
        while (queue.oldestBurst() > 0 && isDone(queue)) {
            queue.releaseOldest();
            any = true;
        }
        if (any && queue.ring() != null && queue.ring().publish()) {
            queue.call();
        }
    }

    private boolean isDone(final TransmitQueue queue) {
        for (int i = 0; i < workers.length; i++) {
            if (workers[i].frames().consumed() < queue.oldestSequence(i)) {
                return false;
            }
        }
        return true;
    }

    /** Publishes as dropped what a fault left claimed. */
    void recover() {
        if (claimedTo != NOTHING) {
            dropFrom(claimedFrom);
            publish();
        }
    }
}
