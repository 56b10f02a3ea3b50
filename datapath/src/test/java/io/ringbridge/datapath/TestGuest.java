package io.ringbridge.datapath;

import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.MemoryRegion;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.ring.DriverRing;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.IotlbRequests;
import io.ringbridge.datapath.ring.RingAddresses;
import io.ringbridge.datapath.ring.RingConfig;
import io.ringbridge.datapath.ring.RingEvents;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A guest in a test: its memory, and a driver for one or more queue pairs of a port. */
final class TestGuest implements AutoCloseable {
    static final long FEATURES = Features.of(Features.VERSION_1, Features.MRG_RXBUF, Features.INDIRECT_DESC);
    static final int HEADER = 12;

    static final long MEMORY = 16 << 20;
    static final long GUEST_BASE = 0x1_0000_0000L;

    final GuestPort port;
    final MemFd file = MemFd.create("guest", MEMORY);
    final MemoryRegion region;
    GuestMemory memory;
    final List<Queue> receive = new ArrayList<>();
    final List<Queue> transmit = new ArrayList<>();
    final long features;
    private final int headerLength;
    private long next;

    /** A received frame and its virtio-net header. */
    static final class Received {
        final byte[] header;
        final byte[] frame;

        Received(final byte[] header, final byte[] frame) {
            this.header = header;
            this.frame = frame;
        }
    }

    /** The driver's side of a virtqueue, with the buffers that the device owns. */
    final class Queue {
        final int vring;
        final DriverRing ring;
        final EventFd call = EventFd.create();
        final EventFd kick = EventFd.create();
        final EventFd error = EventFd.create();
        final long[] buffers;
        final int[] lengths;
        IotlbRequests translations;

        Queue(final int vring, final int size) {
            this.vring = vring;
            final long descriptors = allocate(RingAddresses.descriptorBytes(size), 16);
            final long driver = allocate(RingAddresses.driverBytes(size, false), 4);
            final long device = allocate(RingAddresses.deviceBytes(size, false), 4);
            ring = DriverRing.create(size, features, new RingAddresses(descriptors, driver, device, guest(device)));
            buffers = new long[size];
            lengths = new int[size];
        }

        RingConfig config(final int base) {
            return new RingConfig(ring.size(), features, ring.addresses(), base, memory);
        }

        RingEvents events() {
            return new RingEvents(kick, call, error, translations);
        }

        void start() {
            port.startRing(vring, config(DriverRing.freshBase(features)), events());
            port.enableRing(vring, true);
        }

        /** Offers a receive buffer. */
        void post(final long buffer, final int length) {
            final int id = ring.add(guest(buffer), length, true);
            if (id < 0) {
                throw new IllegalStateException("the receive ring is full");
            }
            buffers[id] = buffer;
            lengths[id] = length;
        }
    }

    TestGuest(final GuestPort port, final long features, final int queueSize, final int bufferLength) {
        this.port = port;
        this.features = features;
        headerLength = Features.headerLength(features);
        region = MemoryRegion.map(GUEST_BASE, MEMORY, 0x7000_0000_0000L, 0, Fd.duplicate(file.fd()));
        memory = GuestMemory.of(List.of(region));
        for (int pair = 0; pair < port.queuePairs(); pair++) {
            receive.add(new Queue(2 * pair, queueSize));
            transmit.add(new Queue(2 * pair + 1, queueSize));
            for (int i = 0; i < queueSize; i++) {
                receive.get(pair).post(allocate(bufferLength, 64), bufferLength);
            }
            receive.get(pair).ring.publish();
        }
    }

    static TestGuest up(final GuestPort port) {
        return up(port, Rings.SPLIT);
    }

    static TestGuest up(final GuestPort port, final Rings rings) {
        return new TestGuest(port, rings.features, 256, 2048).start();
    }

    TestGuest start() {
        receive.forEach(Queue::start);
        transmit.forEach(Queue::start);
        return this;
    }

    long allocate(final long bytes, final int alignment) {
        next = (next + alignment - 1) / alignment * alignment;
        final long address = region.hostAddress() + next;
        next += bytes;
        if (next > MEMORY) {
            throw new IllegalStateException("the guest's memory is full");
        }
        return address;
    }

    long guest(final long address) {
        return address - region.hostAddress() + GUEST_BASE;
    }

    /** Sends a frame in one buffer. */
    void send(final byte[] frame) {
        sendSplit(frame);
    }

    /** Sends an empty header and a frame in buffers cut at these offsets. */
    void sendSplit(final byte[] frame, final int... cuts) {
        send(new byte[headerLength], frame, cuts);
    }

    /** Sends header and frame in buffers cut at these offsets. */
    void send(final byte[] header, final byte[] frame, final int... cuts) {
        final int length = headerLength + frame.length;
        final long buffer = allocate(length, 64);
        Memory.copy(header, 0, buffer, headerLength);
        Memory.copy(frame, 0, buffer + headerLength, frame.length);
        final Segments pieces = new Segments();
        int from = 0;
        for (final int cut : cuts) {
            pieces.add(guest(buffer + from), cut - from);
            from = cut;
        }
        pieces.add(guest(buffer + from), length - from);
        final DriverRing ring = transmit.get(0).ring;
        while (ring.add(pieces, false) < 0) {
            throw new IllegalStateException("the transmit ring is full");
        }
        ring.publish();
    }

    /** Returns the amount of memory allocated, for {@link #release}. */
    long mark() {
        return next;
    }

    /** Frees memory allocated since a mark. The device must be done with it. */
    void release(final long mark) {
        next = mark;
    }

    /**
     * Reclaims used transmit buffers.
     *
     * @return the number reclaimed
     */
    int reap() {
        int n = 0;
        while (transmit.get(0).ring.poll() >= 0) {
            n++;
        }
        return n;
    }

    /** Returns the frames that have arrived on all queues, and makes their buffers available again. */
    List<byte[]> received() {
        return receivedWithHeaders().stream().map(received -> received.frame).toList();
    }

    /** Returns the frames that have arrived, with their headers, and makes their buffers available again. */
    List<Received> receivedWithHeaders() {
        final List<Received> frames = new ArrayList<>();
        for (final Queue queue : receive) {
            received(queue, frames);
        }
        return frames;
    }

    private void received(final Queue queue, final List<Received> frames) {
        int id = queue.ring.poll();
        while (id >= 0) {
            final byte[] header = new byte[headerLength];
            Memory.copy(queue.buffers[id], header, 0, headerLength);
            final int count = headerLength < HEADER ? 1 : Math.max(1, Memory.getShort(queue.buffers[id] + 10));
            byte[] frame = {};
            for (int i = 0; i < count; i++) {
                final int skip = i == 0 ? headerLength : 0;
                final int length = queue.ring.usedLength() - skip;
                final byte[] longer = Arrays.copyOf(frame, frame.length + length);
                Memory.copy(queue.buffers[id] + skip, longer, frame.length, length);
                frame = longer;
                queue.post(queue.buffers[id], queue.lengths[id]);
                id = queue.ring.poll();
            }
            frames.add(new Received(header, frame));
        }
        queue.ring.publish();
    }

    @Override
    public void close() {
        port.detach();
        region.close();
        file.close();
        for (final List<Queue> queues : List.of(receive, transmit)) {
            for (final Queue queue : queues) {
                queue.call.close();
                queue.kick.close();
                queue.error.close();
            }
        }
    }
}
