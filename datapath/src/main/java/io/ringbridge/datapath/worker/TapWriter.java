package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.frame.Ethernet;
import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.frame.FrameRing;
import io.ringbridge.datapath.frame.VnetHeader;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.Tap;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.TapQueue;

/**
 * Writes frames to taps: the kernel copies them from the sender's memory, so there is no copy of the switch's own. What a frame's
 * virtio-net header asks for is left to the kernel, which does it or finds someone to do it. Owned by one worker.
 */
final class TapWriter {
    /** {@code struct iovec}: address, length. */
    private static final int IOVEC = 16;
    /** The most a call takes, {@code UIO_MAXIOV}. */
    private static final int MAX_IOVECS = 1024;

    private final long iovecs = Memory.allocate((long) MAX_IOVECS * IOVEC);
    private final long header = Memory.allocate(Tap.HEADER);
    private final OffloadEgress offloads;

    /**
     * Makes one.
     *
     * @param offloads tells which frames are too long
     */
    TapWriter(final OffloadEgress offloads) {
        this.offloads = offloads;
        Memory.putLong(iovecs, header);
        Memory.putLong(iovecs + 8, Tap.HEADER);
    }

    /** Writes frames that lie behind each other, or drops them and counts why; how many were written. */
    int deliver(final FrameRing frames, final long first, final int count, final TapQueue queue) {
        final Tap tap = queue.tap();
        final int mtu = queue.port().mtu();
        int written = 0;
        long bytes = 0;
        for (int i = 0; i < count; i++) {
            final Frame frame = frames.get(first + i);
            final DropReason reason = tap == null || queue.port().failure() != null ? DropReason.NO_RECEIVER
                : frame.totalLength() > mtu + Ethernet.HEADER && offloads.exceeds(frame, mtu) ? DropReason.MTU_EXCEEDED
                : write(frame, tap, queue);
            if (reason == null) {
                written++;
                bytes += frame.totalLength();
            } else {
                queue.counters().dropped(reason);
            }
        }
        queue.counters().moved(written, bytes);
        return written;
    }

    /** Writes one frame; null when it was taken. */
    private DropReason write(final Frame frame, final Tap tap, final TapQueue queue) {
        if (frame.count() >= MAX_IOVECS) {
            return DropReason.REFUSED;
        }
        if (frame.needs() == 0) {
            VnetHeader.writePlain(header, Tap.HEADER, 1);
        } else {
            frame.header().write(header, Tap.HEADER, 1);
        }
        long at = iovecs + IOVEC;
        for (int i = 0; i < frame.count(); i++) {
            Memory.putLong(at, frame.address(i));
            Memory.putLong(at + 8, frame.length(i));
            at += IOVEC;
        }
        final long answer = tap.write(iovecs, 1 + frame.count());
        if (answer >= 0) {
            return null;
        }
        if (Tap.isGone(answer)) {
            queue.port().fail("the device is gone");
            return DropReason.NO_RECEIVER;
        }
        return answer == Tap.AGAIN ? DropReason.NO_BUFFER : answer == Tap.DOWN ? DropReason.LINK_DOWN : DropReason.REFUSED;
    }
}
