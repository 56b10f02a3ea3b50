package io.ringbridge.datapath.forward;

import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.frame.FrameRing;
import io.ringbridge.datapath.memory.TouchedRanges;
import io.ringbridge.datapath.os.FrameDevice;
import io.ringbridge.datapath.os.Scratch;
import io.ringbridge.datapath.packet.Ethernet;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.QueueCounters;
import io.ringbridge.datapath.port.TransmitQueue;
import io.ringbridge.datapath.port.UplinkQueue;
import io.ringbridge.datapath.ring.DeviceRing;
import org.jspecify.annotations.Nullable;

/**
 * A burst of frames that is being taken from a queue: finds the bytes of each frame and its Ethernet header. This is
 * the first of the passes of {@link Ingress}.
 *
 * <p>Owned by one worker.
 */
final class IngressBurst {
    /** The longest frame that a port accepts: 64 KiB of payload, an Ethernet header and a VLAN tag. */
    private static final int MAX_FRAME = 65535 + Ethernet.HEADER + Ethernet.TAG;
    private static final long SCRATCH_STRIDE = 16;

    private final FrameRing frames;
    private final OffloadIngress offloads;
    private final Scratch memory = Scratch.of(Ingress.BURST * SCRATCH_STRIDE);
    private final long scratch = memory.address();
    private final long[] addresses = new long[Ingress.BURST];
    private final int[] lengths = new int[Ingress.BURST];
    private final long[] headers = new long[Ingress.BURST];

    /**
     * Creates an empty burst.
     *
     * @param frames receives the frames
     * @param offloads receives the addresses of their virtio-net headers
     */
    IngressBurst(final FrameRing frames, final OffloadIngress offloads) {
        this.frames = frames;
        this.offloads = offloads;
    }

    /** Returns the addresses of the Ethernet headers of the frames taken, and of readable memory for dropped frames. */
    long[] headers() {
        return headers;
    }

    /**
     * Takes chains and validates their descriptors.
     *
     * @param first the first entry of the frame ring to fill; those that stay empty are dropped
     * @param mayOffload whether the driver may request offloads
     * @return the number taken
     */
    int take(final TransmitQueue queue, final DeviceRing ring, final long first, final int count,
             final boolean mayOffload) {
        final boolean enabled = queue.enabled();
        final int headerLength = ring.headerLength();
        int taken = 0;
        while (taken < count) {
            final int plain = ring.nextPlain(addresses, lengths, taken, count - taken, false);
            for (final int end = taken + plain; taken < end; taken++) {
                final Frame frame = frames.get(first + taken);
                final DropReason reason = refusal(lengths[taken], headerLength, enabled);
                if (reason == null) {
                    if (mayOffload) {
                        offloads.note(taken, addresses[taken]);
                    }
                    frame.set(addresses[taken] + headerLength, lengths[taken] - headerLength);
                    frame.accept();
                    headers[taken] = addresses[taken] + headerLength;
                } else {
                    frame.set(addresses[taken], lengths[taken]);
                    refuse(frame, taken, headerLength, queue.counters(), reason);
                }
            }
            if (taken < count) {
                if (!takeOther(queue, ring, first, taken, mayOffload)) {
                    frames.drop(first + taken, first + count - 1);
                    return taken;
                }
                taken++;
                if (ring.work() > Effort.BURST) {
                    frames.drop(first + taken, first + count - 1);
                    return taken;
                }
            }
        }
        return taken;
    }

    /**
     * Takes a chain of any shape and validates its descriptors.
     *
     * @return whether there was one
     */
    private boolean takeOther(final TransmitQueue queue, final DeviceRing ring, final long first, final int place,
                              final boolean mayOffload) {
        final int headerLength = ring.headerLength();
        final Frame frame = frames.get(first + place);
        final int result = ring.next(frame, false);
        if (result == DeviceRing.EMPTY || result == DeviceRing.BROKEN) {
            return false;
        }
        final DropReason reason = result == DeviceRing.BAD
            ? DropReason.BAD_DESCRIPTOR : refusal(frame.totalLength(), headerLength, queue.enabled());
        if (reason == null) {
            if (mayOffload) {
                offloads.note(place, frame, headerLength);
            }
            frame.skip(headerLength);
            frame.accept();
            headers[place] = header(frame, place);
        } else {
            if (reason == DropReason.BAD_DESCRIPTOR) {
                frame.clear();
            }
            refuse(frame, place, headerLength, queue.counters(), reason);
        }
        return true;
    }

    /**
     * Returns the reason to drop a chain, or null if it is a valid frame.
     *
     * @param length the chain's length, virtio-net header included
     */
    private static @Nullable DropReason refusal(final int length, final int headerLength, final boolean enabled) {
        return length < headerLength + Ethernet.HEADER ? DropReason.SHORT_FRAME
            : length > headerLength + MAX_FRAME ? DropReason.OVERSIZE_FRAME
            : enabled ? null : DropReason.QUEUE_DISABLED;
    }

    /** Drops a frame. What there is of it after the virtio-net header stays for captures. */
    private void refuse(final Frame frame, final int place, final int headerLength, final QueueCounters counters,
                        final DropReason reason) {
        frame.skip(Math.min(headerLength, frame.totalLength()));
        frame.drop(reason);
        headers[place] = scratch;
        counters.dropped(reason);
    }

    /** Takes frames that an uplink has ready. Each is contiguous in memory. */
    void take(final UplinkQueue queue, final long first, final int count) {
        for (int i = 0; i < count; i++) {
            final Frame frame = frames.get(first + i);
            if (queue.length() >= FrameDevice.HEADER + Ethernet.HEADER) {
                offloads.note(i, queue.address());
                frame.set(queue.address() + FrameDevice.HEADER, queue.length() - FrameDevice.HEADER);
                frame.accept();
                headers[i] = frame.address(0);
            } else {
                frame.set(queue.address(), queue.length());
                refuse(frame, i, FrameDevice.HEADER, queue.source().counters(), DropReason.SHORT_FRAME);
            }
            queue.take();
        }
    }

    /** Returns the address of a frame's Ethernet header. Copies a header that is not contiguous to scratch memory. */
    private long header(final Frame frame, final int place) {
        if (frame.length(0) >= Ethernet.HEADER) {
            return frame.address(0);
        }
        frame.peek(scratch + place * SCRATCH_STRIDE, Ethernet.HEADER);
        return scratch + place * SCRATCH_STRIDE;
    }

    /** Adds the memory of the burst that may have been accessed, for the search for a fault. */
    void addTouched(final TouchedRanges ranges) {
        for (int i = 0; i < Ingress.BURST; i++) {
            ranges.add(addresses[i], lengths[i], false);
            ranges.add(headers[i], Ethernet.HEADER, false);
        }
    }
}
