package io.ringbridge.testkit;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.RingAddresses;
import io.ringbridge.datapath.ring.RingConfig;

/** A guest with one queue pair. Its rings are always full of chains of one shape. */
public final class LoopingGuest implements AutoCloseable {
    public static final int NEXT = 1;
    public static final int WRITE = 2;
    public static final int INDIRECT = 4;
    private static final int AVAIL = 1 << 7;
    private static final int USED = 1 << 15;

    public final TestGuest memory;
    private final long features;
    private final int size;
    private Loop transmit;
    private Loop receive;

    /** One ring. Each of its descriptors is a chain. */
    private final class Loop {
        final RingAddresses at;
        final boolean packed = Features.has(features, Features.RING_PACKED);
        final long address;
        final long stride;
        final int length;
        final int flags;
        private int shown;
        private int seen;
        private boolean wrap = true;

        Loop(final long address, final long stride, final int length, final int flags) {
            this.address = memory.guest(address);
            this.stride = stride;
            this.length = length;
            this.flags = flags;
            final long descriptors = memory.allocate(RingAddresses.descriptorBytes(size), 16);
            final long driver = memory.allocate(RingAddresses.driverBytes(size, false), 4);
            at = new RingAddresses(descriptors, driver, memory.allocate(RingAddresses.deviceBytes(size, false), 4));
            for (int i = 0; i < size; i++) {
                if (packed) {
                    offer(i);
                } else {
                    descriptor(at.descriptors() + 16L * i, this.address + i * stride, length, flags, 0);
                    Memory.putShort(at.driver() + 4 + 2L * i, (short) i);
                }
            }
            wrap = !packed;
            show(size);
        }

        private void offer(final int i) {
            final long at16 = at.descriptors() + 16L * i;
            Memory.putLong(at16, address + i * stride);
            Memory.putInt(at16 + 8, length);
            Memory.putShort(at16 + 12, (short) i);
            Memory.putShortRelease(at16 + 14, (short) (flags | (wrap ? AVAIL : USED)));
        }

        private void show(final int chains) {
            shown += chains;
            if (!packed) {
                Memory.putShortRelease(at.driver() + 2, (short) shown);
            }
        }

        /** Makes used chains available again, and returns their number. */
        int loop() {
            int used = 0;
            if (!packed) {
                used = Memory.getShortAcquire(at.device() + 2) - seen & 0xFFFF;
                seen += used;
                show(used);
                return used;
            }
            while (used < size && isUsed()) {
                offer(seen);
                if (++seen == size) {
                    seen = 0;
                    wrap = !wrap;
                }
                used++;
            }
            return used;
        }

        /** Returns whether the device has used the next chain: it makes both flags equal. */
        private boolean isUsed() {
            final int both = Memory.getShortAcquire(at.descriptors() + 16L * seen + 14) & (AVAIL | USED);
            return both == (wrap ? 0 : AVAIL | USED);
        }
    }

    public LoopingGuest(final GuestPort port, final long features, final int size) {
        this.features = features;
        this.size = size;
        memory = new TestGuest(port, features, 4, 64);
    }

    private static void descriptor(final long at, final long address, final int length, final int flags,
                                   final int next) {
        Memory.putLong(at, address);
        Memory.putInt(at + 8, length);
        Memory.putShort(at + 12, (short) flags);
        Memory.putShort(at + 14, (short) next);
    }

    public GuestPort port() {
        return memory.port;
    }

    /**
     * Writes an indirect table of buffers that follow one another.
     *
     * @param each the length of all but the last
     * @return its address in this process
     */
    public long table(final int descriptors, final int each, final long address, final int last,
                      final boolean writable) {
        final long table = memory.allocate(16L * descriptors, 64);
        final boolean packed = Features.has(features, Features.RING_PACKED);
        final int direction = writable ? WRITE : 0;
        for (int i = 0; i < descriptors; i++) {
            final boolean ends = i == descriptors - 1;
            final long at = table + 16L * i;
            final int flags = ends ? direction : direction | NEXT;
            descriptor(at, address + (long) i * each, ends ? last : each, packed ? i : flags,
                packed ? flags & ~NEXT : i + 1);
        }
        return table;
    }

    /** Writes a virtio-net header and a frame, and returns their address in this process. */
    public long frame(final byte[] header, final byte[] frame) {
        final long at = memory.allocate(header.length + frame.length, 64);
        Memory.copy(header, 0, at, header.length);
        Memory.copy(frame, 0, at + header.length, frame.length);
        return at;
    }

    /** Transmits one frame in one buffer. */
    public LoopingGuest transmits(final byte[] header, final byte[] frame) {
        return transmitsChain(frame(header, frame), header.length + frame.length, 0);
    }

    /** Transmits one chain. */
    public LoopingGuest transmitsChain(final long address, final int length, final int flags) {
        transmit = new Loop(address, 0, length, flags);
        start(1, transmit);
        return this;
    }

    /** Stops transmitting. */
    public LoopingGuest stopTransmitting() {
        port().stopRing(1);
        transmit = null;
        return this;
    }

    /** Receives into contiguous buffers. */
    public LoopingGuest receives(final int length) {
        final long stride = (length + 63L) / 64 * 64;
        return receivesChain(memory.allocate(stride * size, 64), stride, length, 0);
    }

    /** Receives into chains at a distance from one another, which may be 0. */
    public LoopingGuest receivesChain(final long address, final long stride, final int length, final int flags) {
        receive = new Loop(address, stride, length, flags == 0 ? WRITE : flags);
        start(0, receive);
        return this;
    }

    private void start(final int vring, final Loop loop) {
        final TestGuest.Queue queue = vring == 0 ? memory.receive.get(0) : memory.transmit.get(0);
        final int base = loop.packed ? 0x8000_8000 : 0;
        port().startRing(vring, new RingConfig(size, features, loop.at, base, memory.memory), queue.events());
        port().enableRing(vring, true);
    }

    /** Makes used chains available again, and returns the number of frames that the transmit queue has completed. */
    public int loop() {
        if (receive != null) {
            receive.loop();
        }
        return transmit == null ? 0 : transmit.loop();
    }

    @Override
    public void close() {
        memory.close();
    }
}
