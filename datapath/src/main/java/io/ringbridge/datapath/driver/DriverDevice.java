package io.ringbridge.datapath.driver;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.FrameDevice;
import io.ringbridge.datapath.ring.Features;
import org.jspecify.annotations.Nullable;

/**
 * A queue pair as the device of an uplink: what the pair transmits leaves the switch, and what it receives enters.
 *
 * <p>The back-end that serves the pair is not trusted. A frame is checked and copied out of the shared memory before
 * anybody looks at it. If the back-end breaks the rules of a ring, the device is gone from then on, and
 * {@link #fault} has the reason.
 */
public final class DriverDevice implements FrameDevice {
    /** {@code struct iovec}: address, length. */
    private static final int IOVEC = 16;
    /** The most frames that are received before their buffers are offered to the back-end again. */
    private static final int MOST_UNPUBLISHED = 32;
    private static final int NEEDS_CSUM = 1;
    private static final int DATA_VALID = 2;
    private static final int TCPV4 = 1;
    private static final int UDP = 3;
    private static final int TCPV6 = 4;
    private static final int ECN = 0x80;

    private final Transmitter transmitter;
    private final Receiver receiver;
    private final long features;
    private int unpublished;
    private boolean armed;
    private @Nullable String fault;

    /**
     * Creates the device of a pair.
     *
     * @param features the negotiated virtio features, VERSION_1 among them
     */
    public DriverDevice(final QueuePair pair, final long features) {
        if (!Features.has(features, Features.VERSION_1)) {
            throw new IllegalArgumentException("the header of an uplink's frames needs VERSION_1");
        }
        transmitter = pair.transmitter();
        receiver = pair.receiver();
        this.features = features;
    }

    /** A read that finds nothing is one load. */
    @Override
    public long backOffNanos() {
        return 0;
    }

    @Override
    public boolean offloads() {
        return Features.has(features, Features.CSUM);
    }

    @Override
    public long read(final long address, final int length) {
        if (fault != null) {
            return GONE;
        }
        try {
            final int received = receiver.receive(address, length);
            if (received < 0 || ++unpublished == MOST_UNPUBLISHED) {
                receiver.flush();
                unpublished = 0;
            }
            return received < 0 ? AGAIN : received;
        } catch (final IllegalStateException e) {
            return gone(e);
        }
    }

    private long gone(final IllegalStateException cause) {
        fault = String.valueOf(cause.getMessage());
        return GONE;
    }

    @Override
    public long write(final long iovecs, final int count) {
        if (fault != null) {
            return GONE;
        }
        final long header = Memory.getLong(iovecs);
        final long requests = Memory.getLong(header);
        final long length = length(iovecs, count);
        if (!accepts((int) requests & 0xFFFF) || length > transmitter.capacity()) {
            return INVALID;
        }
        final long frame = reserve();
        if (frame == 0) {
            return fault == null ? AGAIN : GONE;
        }
        copy(iovecs, count, frame);
        // A driver sets neither DATA_VALID nor num_buffers (virtio 1.2, section 5.1.6.2.1).
        Memory.putLong(frame - HEADER, requests & ~(long) DATA_VALID);
        Memory.putInt(frame - Integer.BYTES, Memory.getInt(header + Long.BYTES) & 0xFFFF);
        transmitter.commitWithHeader((int) length);
        return HEADER + length;
    }

    private static long length(final long iovecs, final int count) {
        long length = 0;
        for (int i = 1; i < count; i++) {
            length += Memory.getLong(iovecs + (long) i * IOVEC + Long.BYTES);
        }
        return length;
    }

    private static void copy(final long iovecs, final int count, final long target) {
        long to = target;
        for (int i = 1; i < count; i++) {
            final int piece = (int) Memory.getLong(iovecs + (long) i * IOVEC + Long.BYTES);
            Memory.copy(Memory.getLong(iovecs + (long) i * IOVEC), to, piece);
            to += piece;
        }
    }

    /**
     * Whether the back-end does what a header requests.
     *
     * @param requests {@code flags}, and {@code gso_type} in the second byte
     */
    private boolean accepts(final int requests) {
        if ((requests & ~DATA_VALID) == 0) {
            return true;
        }
        final int type = requests >>> 8;
        final boolean cuts = switch (type & ~ECN) {
            case 0 -> true;
            case TCPV4 -> Features.has(features, Features.HOST_TSO4);
            case TCPV6 -> Features.has(features, Features.HOST_TSO6);
            case UDP -> Features.has(features, Features.HOST_UFO);
            default -> false;
        };
        return cuts && ((type & ECN) == 0 || Features.has(features, Features.HOST_ECN))
            && ((requests & NEEDS_CSUM) == 0 || Features.has(features, Features.CSUM));
    }

    /** Returns the address for a frame, or 0 if the back-end has every buffer or has broken the rules. */
    private long reserve() {
        try {
            return transmitter.reserve();
        } catch (final IllegalStateException e) {
            gone(e);
            return 0;
        }
    }

    /** Makes the frames available, and takes back buffers early, so that the ones in the caches are used again. */
    @Override
    public void flush() {
        if (fault == null) {
            transmitter.flush();
            try {
                transmitter.complete();
            } catch (final IllegalStateException e) {
                gone(e);
            }
        }
    }

    @Override
    public int fd() {
        return receiver.call().fd();
    }

    @Override
    public boolean arm() {
        armed = true;
        if (fault != null) {
            return true;
        }
        receiver.flush(); // a back-end without buffers would not notify
        unpublished = 0;
        return receiver.wantNotification(true);
    }

    @Override
    public void disarm() {
        if (armed) {
            armed = false;
            receiver.wantNotification(false);
            receiver.call().drain();
        }
    }

    @Override
    public String fault() {
        return fault == null ? FrameDevice.super.fault() : fault;
    }
}
