package io.ringbridge.control.frontend;

import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.ring.Features;

/**
 * A receive queue as the guest's driver has it, filled with buffers. Owned by one thread; allocates nothing.
 *
 * <p>{@link #poll} takes a frame, {@link #address} and {@link #length} say where it is until the next poll, which also offers its
 * buffers to the device again; {@link #flush} shows them.
 */
public final class Receiver {
    private static final int NUM_BUFFERS = 10;
    /** 64 KiB of payload, an Ethernet header and VLAN tags. */
    private static final int LONGEST = (1 << 16) + 32;

    final Vring vring;
    private final GuestRam ram;
    private final boolean merges;
    private final int headerLength;
    private final int bufferLength;
    private final long[] bufferOf;
    private final long scratch;
    private final long[] held;
    private int heldCount;
    private long header;
    private long address;
    private int length;

    Receiver(final Vring vring, final GuestRam ram, final long features, final int bufferLength) {
        this.vring = vring;
        this.ram = ram;
        this.bufferLength = bufferLength;
        merges = Features.has(features, Features.MRG_RXBUF);
        headerLength = Features.headerLength(features);
        final int size = vring.ring.size();
        bufferOf = new long[size];
        held = new long[size];
        scratch = ram.allocate(LONGEST, 64);
        for (int i = 0; i < size; i++) {
            offer(ram.allocate(bufferLength, 64));
        }
    }

    private void offer(final long buffer) {
        final int id = vring.ring.add(ram.guestAddress(buffer), bufferLength, true);
        if (id < 0) {
            throw new IllegalStateException("the ring has no room for a free buffer");
        }
        bufferOf[id] = buffer;
    }

    /** Takes the next frame; false when there is none. */
    public boolean poll() {
        recycle();
        final int id = vring.ring.poll();
        if (id < 0) {
            return false;
        }
        header = hold(id);
        address = header + headerLength;
        length = vring.ring.usedLength() - headerLength;
        final int buffers = merges ? Memory.getShort(header + NUM_BUFFERS) & 0xFFFF : 1;
        if (buffers > 1) {
            gather(buffers);
        }
        if (length < 0) {
            throw ProtocolException.fatal("a received frame is shorter than its header of " + headerLength + " bytes");
        }
        return true;
    }

    private long hold(final int id) {
        final long buffer = bufferOf[id];
        held[heldCount++] = buffer;
        return buffer;
    }

    /** Brings a frame in several buffers together; the device shows them all at once (virtio 1.2, section 5.1.6.4). */
    private void gather(final int buffers) {
        Memory.copy(address, scratch, length);
        for (int i = 1; i < buffers; i++) {
            final int id = vring.ring.poll();
            if (id < 0) {
                throw ProtocolException.fatal("a received frame is said to have " + buffers + " buffers, and has " + i);
            }
            final int n = vring.ring.usedLength();
            if (n > LONGEST - length) {
                throw ProtocolException.fatal("a received frame is longer than " + LONGEST + " bytes");
            }
            Memory.copy(hold(id), scratch + length, n);
            length += n;
        }
        address = scratch;
    }

    private void recycle() {
        for (int i = 0; i < heldCount; i++) {
            offer(held[i]);
        }
        heldCount = 0;
    }

    /** Where the frame polled last is. */
    public long address() {
        return address;
    }

    /** Its length in bytes. */
    public int length() {
        return length;
    }

    /** A copy of the frame polled last. */
    public byte[] frame() {
        final byte[] frame = new byte[length];
        Memory.copy(address, frame, 0, length);
        return frame;
    }

    /** A copy of the virtio-net header of the frame polled last. */
    public byte[] header() {
        final byte[] bytes = new byte[headerLength];
        Memory.copy(header, bytes, 0, headerLength);
        return bytes;
    }

    /** Offers what was taken to the device again. */
    public void flush() {
        recycle();
        vring.publish();
    }

    /**
     * Asks the device to signal {@link #call} when it uses buffers, or not to; at first it is not asked.
     *
     * @return whether a frame is there already, for which no signal will come
     */
    public boolean wantNotification(final boolean wanted) {
        return vring.ring.wantNotification(wanted);
    }

    /** Signalled by the device when it used buffers and was asked to say so. */
    public EventFd call() {
        return vring.call;
    }
}
