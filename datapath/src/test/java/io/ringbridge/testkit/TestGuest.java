package io.ringbridge.testkit;

import io.ringbridge.datapath.driver.DriverQueue;
import io.ringbridge.datapath.driver.GuestRam;
import io.ringbridge.datapath.driver.Transmitter;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.ring.DriverRing;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.IotlbRequests;
import io.ringbridge.datapath.ring.RingConfig;
import io.ringbridge.datapath.ring.RingEvents;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongConsumer;

/**
 * A guest on a port of a datapath: its memory, and a driver for all queue pairs of the port. The test decides where
 * buffers begin and end, and may write anything into the rings.
 *
 * <p>The rings are of any kind that the features name. Change {@link #memory} and {@link Queue#translations} before
 * {@link #start}, for a guest with more regions or behind an IOMMU.
 */
public final class TestGuest implements AutoCloseable {
    public static final long FEATURES = Features.of(Features.VERSION_1, Features.MRG_RXBUF, Features.INDIRECT_DESC);
    public static final int HEADER = 12;

    public static final long MEMORY = 16 << 20;

    public final GuestPort port;
    public final GuestRam ram = GuestRam.create("guest", MEMORY);
    public GuestMemory memory = ram.memory();
    public final List<Queue> receive = new ArrayList<>();
    public final List<Queue> transmit = new ArrayList<>();
    public final long features;
    private final int headerLength;

    /** A received frame and its virtio-net header. */
    public static final class Received {
        public final byte[] header;
        public final byte[] frame;

        Received(final byte[] header, final byte[] frame) {
            this.header = header;
            this.frame = frame;
        }
    }

    /** The driver's side of a virtqueue, with the buffers that the device owns. */
    public final class Queue implements AutoCloseable {
        public final int vring;
        public final DriverRing ring;
        public final EventFd call;
        public final EventFd kick;
        public final EventFd error = EventFd.create();
        public final long[] buffers;
        public final int[] lengths;
        public IotlbRequests translations;
        private final DriverQueue queue;

        public Queue(final int vring, final int size) {
            this.vring = vring;
            queue = new DriverQueue(vring, size, features, ram);
            ring = queue.ring();
            call = queue.call();
            kick = queue.kick();
            buffers = new long[size];
            lengths = new int[size];
        }

        public RingConfig config(final int base) {
            return queue.config(base, memory);
        }

        public RingEvents events() {
            return new RingEvents(kick, call, error, translations);
        }

        public void start() {
            port.startRing(vring, config(DriverRing.freshBase(features)), events());
            port.enableRing(vring, true);
        }

        /** Offers a receive buffer. */
        public void post(final long buffer, final int length) {
            final int id = ring.add(guest(buffer), length, true);
            if (id < 0) {
                throw new IllegalStateException("the receive ring is full");
            }
            buffers[id] = buffer;
            lengths[id] = length;
        }

        /** Passes on the address of each frame, which must be in one buffer, and makes the buffer available again. */
        public void drain(final LongConsumer frames) {
            for (int id = ring.poll(); id >= 0; id = ring.poll()) {
                frames.accept(buffers[id] + headerLength);
                post(buffers[id], lengths[id]);
            }
            ring.publish();
        }

        @Override
        public void close() {
            queue.close();
            error.close();
        }
    }

    public TestGuest(final GuestPort port, final long features, final int queueSize, final int bufferLength) {
        this.port = port;
        this.features = features;
        headerLength = Features.headerLength(features);
        for (int pair = 0; pair < port.queuePairs(); pair++) {
            receive.add(new Queue(2 * pair, queueSize));
            transmit.add(new Queue(2 * pair + 1, queueSize));
            for (int i = 0; i < queueSize; i++) {
                receive.get(pair).post(allocate(bufferLength, 64), bufferLength);
            }
            receive.get(pair).ring.publish();
        }
    }

    public static TestGuest up(final GuestPort port) {
        return up(port, Rings.SPLIT);
    }

    public static TestGuest up(final GuestPort port, final Rings rings) {
        return new TestGuest(port, rings.features, 256, 2048).start();
    }

    public TestGuest start() {
        receive.forEach(Queue::start);
        transmit.forEach(Queue::start);
        return this;
    }

    /** Allocates memory. Returns its address in this process. */
    public long allocate(final long bytes, final int alignment) {
        return ram.allocate(bytes, alignment);
    }

    /** Translates an address of this process to a guest address. */
    public long guest(final long address) {
        return ram.guestAddress(address);
    }

    /**
     * Returns a driver of the first transmit queue that keeps its buffers, for frames of 64 bytes. It takes the place
     * of {@link #send} and {@link #reap}, so the ring must be empty.
     */
    public Transmitter transmitter() {
        return new Transmitter(transmit.getFirst().queue, ram, features, 64);
    }

    /** Sends a frame in one buffer. */
    public void send(final byte[] frame) {
        sendSplit(frame);
    }

    /** Sends an empty header and a frame in buffers cut at these offsets. */
    public void sendSplit(final byte[] frame, final int... cuts) {
        send(new byte[headerLength], frame, cuts);
    }

    /** Sends header and frame in buffers cut at these offsets. */
    public void send(final byte[] header, final byte[] frame, final int... cuts) {
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
        final DriverRing ring = transmit.getFirst().ring;
        if (ring.add(pieces, false) < 0) {
            throw new IllegalStateException("the transmit ring is full");
        }
        ring.publish();
    }

    /** Returns the amount of memory allocated, for {@link #release}. */
    public long mark() {
        return ram.allocated();
    }

    /** Frees memory allocated since a mark. The device must be done with it. */
    public void release(final long mark) {
        ram.release(mark);
    }

    /**
     * Reclaims used transmit buffers.
     *
     * @return the number reclaimed
     */
    public int reap() {
        int n = 0;
        while (transmit.getFirst().ring.poll() >= 0) {
            n++;
        }
        return n;
    }

    /** Returns the frames that have arrived on all queues, and makes their buffers available again. */
    public List<byte[]> received() {
        return receivedWithHeaders().stream().map(received -> received.frame).toList();
    }

    /** Returns the frames that have arrived, with their headers, and makes their buffers available again. */
    public List<Received> receivedWithHeaders() {
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
        ram.close();
        receive.forEach(Queue::close);
        transmit.forEach(Queue::close);
    }
}
