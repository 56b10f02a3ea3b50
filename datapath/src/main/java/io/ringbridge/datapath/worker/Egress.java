package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.frame.Ethernet;
import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.frame.FrameReader;
import io.ringbridge.datapath.frame.FrameRing;
import io.ringbridge.datapath.frame.VnetHeader;
import io.ringbridge.datapath.memory.DirtyLog;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.ReceiveQueue;
import io.ringbridge.datapath.ring.DeviceRing;

/**
 * Delivers frames: copies each from its sender's memory into the receiver's buffers, the only copy there is.
 *
 * <p>Used buffers become visible, and the guest is notified, at {@link #flush}, once a queue and burst. Owned by one worker.
 */
final class Egress {
    /** Said of a frame for which no buffer was taken from the ring yet. */
    private static final int NOT_ASKED = -1;

    private final Segments buffers = new Segments();
    private final long[] targets = new long[Ingress.BURST];
    private final EgressBurst burst;
    private final ScatteredEgress scattered;
    private final OffloadEgress offloads;

    Egress(final Notifier notifier) {
        final FrameReader reader = new FrameReader();
        burst = new EgressBurst(notifier);
        scattered = new ScatteredEgress(burst, reader, buffers);
        offloads = new OffloadEgress(scattered, reader, buffers);
    }

    /** Frames delivered since the start. */
    long delivered() {
        return burst.delivered();
    }

    /**
     * Delivers frames that lie behind each other and go to the same queue, or drops them and counts why.
     *
     * <p>Three passes over as many as fit a buffer each, so that cache misses overlap: buffers, then headers, then the copies.
     */
    void deliver(final FrameRing frames, final long first, final int count, final ReceiveQueue queue) {
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
            done += deliverSome(frames, first + done, Math.min(count - done, targets.length), queue, ring);
        }
    }

    private int deliverSome(final FrameRing frames, final long first, final int count, final ReceiveQueue queue, final DeviceRing ring) {
        final int headerLength = ring.headerLength();
        final int mtu = queue.port().mtu();
        final int refused = ~(int) ring.features();
        int needs = 0;
        int fitting = 0;
        int taken = NOT_ASKED;
        while (fitting < count) {
            final Frame frame = frames.get(first + fitting);
            if ((frame.needs() & refused) != 0 || frame.totalLength() > mtu + Ethernet.HEADER && offloads.exceeds(frame, mtu)) {
                taken = NOT_ASKED;
                break;
            }
            taken = ring.next(buffers, true);
            if (taken != DeviceRing.TAKEN || buffers.count() != 1 || buffers.length(0) < headerLength + frame.totalLength()) {
                break;
            }
            needs |= frame.needs();
            targets[fitting++] = buffers.address(0);
        }
        if (fitting > 0) {
            writeHeaders(frames, first, fitting, headerLength, needs == 0);
            burst.done(queue, fitting, ring.log() == null ? fill(frames, first, fitting, ring) : fillLogged(frames, first, fitting, ring));
        }
        if (fitting == count) {
            return count;
        }
        final Frame special = frames.get(first + fitting);
        if (taken == NOT_ASKED) {
            offloads.deliver(special, queue, ring);
        } else {
            scattered.whole(special, queue, ring, taken);
        }
        return fitting + 1;
    }

    /** Fills the buffers taken, one frame each; the sum of their lengths. */
    private long fill(final FrameRing frames, final long first, final int count, final DeviceRing ring) {
        final int headerLength = ring.headerLength();
        long bytes = 0;
        for (int i = 0; i < count; i++) {
            final Frame frame = frames.get(first + i);
            copy(frame, targets[i] + headerLength);
            ring.use(headerLength + frame.totalLength());
            bytes += frame.totalLength();
        }
        return bytes;
    }

    /** The same with every write logged before its buffer is used. */
    private long fillLogged(final FrameRing frames, final long first, final int count, final DeviceRing ring) {
        final int headerLength = ring.headerLength();
        for (int i = 0; i < count; i++) {
            copy(frames.get(first + i), targets[i] + headerLength);
        }
        DirtyLog.fence();
        for (int i = 0; i < count; i++) {
            ring.log().written(targets[i], headerLength + frames.get(first + i).totalLength());
        }
        long bytes = 0;
        for (int i = 0; i < count; i++) {
            final int length = frames.get(first + i).totalLength();
            ring.use(headerLength + length);
            bytes += length;
        }
        return bytes;
    }

    private static void copy(final Frame frame, final long to) {
        if (frame.count() == 1) {
            Memory.copy(frame.address(0), to, frame.length(0));
        } else {
            gather(frame, to);
        }
    }

    private void writeHeaders(final FrameRing frames, final long first, final int count, final int headerLength, final boolean plain) {
        for (int i = 0; i < count; i++) {
            if (plain || frames.get(first + i).needs() == 0) {
                VnetHeader.writePlain(targets[i], headerLength, 1);
            } else {
                frames.get(first + i).header().write(targets[i], headerLength, 1);
            }
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
