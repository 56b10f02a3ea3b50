package io.ringbridge.bench.compare;

import io.ringbridge.bench.backend.Target;
import io.ringbridge.bench.machine.Await;
import io.ringbridge.bench.machine.BenchException;
import io.ringbridge.bench.trial.Watch;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.datapath.driver.QueuePair;
import io.ringbridge.datapath.driver.Receiver;
import io.ringbridge.datapath.driver.Transmitter;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.ThreadTuning;
import io.ringbridge.datapath.ring.Features;
import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.DoubleStream;

/**
 * The bulk load: a guest in this process that sends large TCP packets as fast as the system accepts them. A packet has
 * 44 segments, or one if the system does not offer segmentation. The result is the rate at which bytes arrive at a
 * second guest, or at the kernel behind a tap. While {@link #carry} runs, its thread owns the guests' rings.
 */
final class BulkRig implements AutoCloseable {
    private static final int SEGMENT = 1448;
    private static final int HEADERS = 54;
    /** Bytes of a large packet. */
    static final int LARGE_PACKET = HEADERS + 44 * SEGMENT;
    /**
     * Bytes for a large packet with its virtio-net header, so that one receive buffer holds it and nothing is
     * reassembled.
     */
    static final int BUFFER = 65_600;
    private static final int RING = 256;
    /** The buffers that the sender's and the receiver's ring hold. */
    static final int BUFFERS = 2 * RING;
    private static final long MEMORY = 64L << 20;
    private static final int BURST = 32;
    private static final int SLICES = 4;
    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final int ARP = 0x0806;
    private static final byte[] BROADCAST = {-1, -1, -1, -1, -1, -1};
    private static final byte[] SENDER = {0x52, 0x54, 0, 0, 0, 2};
    private static final byte[] RECEIVER = {0x52, 0x54, 0, 0, 0, 3};
    /**
     * VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_TCPV4, length of the headers, length of a segment, start and
     * offset of the checksum.
     */
    private static final byte[] TCP_SEGMENTATION = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN)
        .put((byte) 1).put((byte) 1).putShort((short) HEADERS).putShort((short) SEGMENT).putShort((short) 34)
        .putShort((short) 16).array();

    private final List<Frontend> guests = new ArrayList<>();
    private final int cpu;
    private final QueuePair sender;
    private final @Nullable QueuePair receiver;
    private final @Nullable FarEnd farEnd;
    private final int length;
    private final byte[] offload;
    private final byte[] headers;
    private final AtomicLong received = new AtomicLong();
    private volatile boolean ended;

    /** Attaches the guests, and waits until the system forwards between both ends. */
    BulkRig(final Contender.Running running, final Variant variant, final Placement placement) {
        cpu = placement.generatorCpu();
        try {
            final long offloads = Features.of(Features.CSUM, Features.HOST_TSO4);
            sender = attach(running, 0, variant.features(), offloads);
            final boolean large = (guests.getFirst().features() & offloads) == offloads;
            length = large ? LARGE_PACKET : HEADERS + SEGMENT;
            offload = large ? TCP_SEGMENTATION : new byte[TCP_SEGMENTATION.length];
            if (running.hasTap()) {
                receiver = null;
                farEnd = new FarEnd(running.pid());
                headers = headers(resolveKernel());
            } else {
                receiver = attach(running, 1, variant.features(),
                    Features.of(Features.GUEST_CSUM, Features.GUEST_TSO4));
                farEnd = null;
                headers = headers(RECEIVER);
                introduce(receiver);
            }
        } catch (final RuntimeException e) {
            close();
            throw e;
        }
    }

    private QueuePair attach(final Contender.Running running, final int port, final long needed, final long offloads) {
        final Frontend guest = Target.of(running.sockets(), running.frontEndListens()).connect(port);
        guests.add(guest);
        try {
            if ((guest.negotiate(needed | offloads) & needed) != needed) {
                throw new BenchException("the back-end at " + running.sockets().get(port)
                    + " does not offer these rings");
            }
            guest.share(MEMORY);
            final QueuePair queues = guest.addPair(RING, BUFFER);
            guest.start();
            return queues;
        } catch (final IOException | ProtocolException e) {
            throw new BenchException("the back-end at " + running.sockets().get(port) + ": " + e.getMessage(), e);
        }
    }

    /** Resolves the kernel's Ethernet address by ARP. From the reply, the system learns the address too. */
    private byte[] resolveKernel() {
        final byte[] request = ByteBuffer.allocate(60).put(BROADCAST).put(SENDER).putShort((short) ARP)
            .putLong(0x0001_0800_0604_0001L).put(SENDER).putInt(0x0A4E_0002).put(new byte[6]).putInt(0x0A4E_0001)
            .array();
        final byte[][] found = new byte[1][];
        Await.until("the kernel's ARP reply", LIMIT, () -> {
            transmit(sender, request);
            for (byte[] frame = receive(sender); frame != null; frame = receive(sender)) {
                final ByteBuffer fields = ByteBuffer.wrap(frame);
                if (fields.getShort(12) == ARP && fields.getShort(20) == 2) {
                    found[0] = Arrays.copyOfRange(frame, 6, 12);
                }
            }
            return found[0] != null;
        });
        return found[0];
    }

    /** Broadcasts from both guests until each has received a frame from the other. */
    private void introduce(final QueuePair other) {
        final byte[] fromSender = hello(SENDER);
        final byte[] fromReceiver = hello(RECEIVER);
        final boolean[] heard = new boolean[2];
        Await.until("the guests to receive frames from each other", LIMIT, () -> {
            transmit(sender, fromSender);
            transmit(other, fromReceiver);
            heard[0] |= receive(sender) != null;
            heard[1] |= receive(other) != null;
            return heard[0] && heard[1];
        });
    }

    private static byte[] hello(final byte[] from) {
        return ByteBuffer.allocate(60).put(BROADCAST).put(from).putShort((short) 0x88B5).array();
    }

    private static void transmit(final QueuePair queues, final byte[] frame) {
        queues.transmitter().complete();
        queues.transmitter().transmit(frame);
    }

    private static byte @Nullable [] receive(final QueuePair queues) {
        final byte[] frame = queues.receiver().poll() ? queues.receiver().frame() : null;
        queues.receiver().flush();
        return frame;
    }

    /** Returns the headers of a packet: Ethernet, IPv4 from 10.78.0.2 to the unused address 10.78.0.9, and TCP. */
    private byte[] headers(final byte[] to) {
        final ByteBuffer frame = ByteBuffer.allocate(HEADERS).put(to).put(SENDER).putShort((short) 0x0800)
            .putShort((short) 0x4500).putShort((short) (length - 14)).putInt(0x0001_4000).putShort((short) 0x4006)
            .putShort((short) 0)
            .putInt(0x0A4E_0002).putInt(0x0A4E_0009)
            .putShort((short) 4000).putShort((short) 9).putInt(1).putInt(1).putShort((short) 0x5010)
            .putShort((short) 4096);
        final int pseudo = 2 * 0x0A4E + 2 + 9 + 6 + length - 34;
        frame.putShort((short) folded(pseudo)).putShort((short) 0);
        int sum = 0;
        for (int i = 14; i < 34; i += 2) {
            sum += frame.getShort(i) & 0xFFFF;
        }
        return frame.putShort(24, (short) ~folded(sum)).array();
    }

    private static int folded(final int sum) {
        final int once = (sum & 0xFFFF) + (sum >>> 16);
        return (once & 0xFFFF) + (once >>> 16);
    }

    /** Measures the bits per second that arrive. May be called once. */
    Measurement measure(final Duration warmUp, final Duration period, final Watch watch) {
        final Thread load = Thread.ofPlatform().daemon().name("bench-bulk").start(this::carry);
        try {
            Await.pass(warmUp);
            final double[] rates = new double[SLICES];
            watch.sample();
            for (int i = 0; i < SLICES; i++) {
                watch.start();
                final long before = delivered();
                final long start = System.nanoTime();
                Await.pass(period.dividedBy(SLICES));
                rates[i] = (delivered() - before) * (double) Byte.SIZE * 1e9 / (System.nanoTime() - start);
                watch.stop();
                watch.sample();
            }
            if (!load.isAlive() || DoubleStream.of(rates).sum() == 0) {
                throw new BenchException("no packets of the sending guest arrive");
            }
            return new Measurement(DoubleStream.of(rates).average().orElseThrow(), rates[SLICES - 1] / rates[0],
                watch.conditions(), 0, 0);
        } finally {
            ended = true;
            Await.until("the load to end", LIMIT, () -> !load.isAlive());
        }
    }

    private long delivered() {
        return farEnd == null ? received.get() : farEnd.receivedBytes();
    }

    private void carry() {
        ThreadTuning.pin(cpu);
        while (!ended) {
            final int sent = send(sender.transmitter());
            final int taken = receiver == null ? 0 : drain(receiver.receiver());
            if (sent + taken == 0) {
                Thread.onSpinWait();
            }
        }
    }

    private int send(final Transmitter transmitter) {
        int count = 0;
        for (long frame = transmitter.reserve(); frame != 0 && count < BURST; frame = transmitter.reserve()) {
            Memory.copy(headers, 0, frame, HEADERS);
            transmitter.commit(offload, length);
            count++;
        }
        if (count > 0) {
            transmitter.flush();
        }
        return count;
    }

    private int drain(final Receiver from) {
        int count = 0;
        long bytes = 0;
        while (count < BURST && from.poll()) {
            bytes += from.length();
            count++;
        }
        if (count > 0) {
            from.flush();
            received.setRelease(received.getPlain() + bytes);
        }
        return count;
    }

    @Override
    public void close() {
        guests.forEach(Frontend::close);
    }
}
