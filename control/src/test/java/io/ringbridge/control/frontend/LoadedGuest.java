package io.ringbridge.control.frontend;

import io.ringbridge.datapath.driver.QueuePair;
import io.ringbridge.datapath.driver.QueueShape;
import io.ringbridge.datapath.driver.Receiver;
import io.ringbridge.datapath.driver.Transmitter;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.QueueStatus;
import io.ringbridge.datapath.ring.Features;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * A guest whose driver runs on a thread of its own. The driver keeps all transmit rings full of numbered frames for the
 * other guest, in several flows per ring, and takes the frames that arrive. It checks that each flow arrives in order
 * and without duplicates.
 *
 * <p>The test owns the front-end. {@link #lock} guards everything else; the driver holds it for one turn at a time.
 */
final class LoadedGuest implements AutoCloseable {
    private static final int FLOWS = 4;
    private static final int RING = 256;
    private static final int BUFFER = 128;
    private static final int FRAME = 60;
    private static final int PREFIX = 0x5254;
    private static final int ETHERTYPE = 0x88B5;
    private static final int NUMBER = 18;
    private static final int PATTERN = 22;
    private static final long LIMIT_NANOS = TimeUnit.SECONDS.toNanos(60);
    /** Frames per flush. */
    private static final int BATCH = 32;

    final ReentrantLock lock = new ReentrantLock(true);
    final Frontend frontend;
    final GuestPort port;
    private final Guest guest;
    private final List<QueuePair> pairs;
    private final int station;
    private final boolean packed;
    private final int[] sent;
    private final int[] due;
    private final long[] receivedBy;
    private final Thread driver = Thread.ofPlatform().name("driver").unstarted(this::drive);
    private int frames;
    private int turnsLeft = -1;
    private byte[] watched;
    private volatile boolean idle;
    private volatile boolean ended;
    private final AtomicLong fills = new AtomicLong();
    private final AtomicLong watchedTurns = new AtomicLong();
    private volatile Throwable failure;

    LoadedGuest(final Path socket, final GuestPort port, final long features, final int station) throws IOException {
        this.port = port;
        this.station = station;
        final QueueShape shape = new QueueShape(RING, BUFFER);
        guest = Guest.attach(socket, features, port.queuePairs(), shape, shape);
        frontend = guest.frontend();
        packed = Features.has(frontend.features(), Features.RING_PACKED);
        pairs = guest.pairs();
        pairs.forEach(pair -> pair.receiver().wantNotification(true));
        sent = new int[FLOWS * pairs.size()];
        due = new int[sent.length];
        receivedBy = new long[pairs.size()];
        driver.setUncaughtExceptionHandler((_, error) -> failure = error);
    }

    /** Starts the driver's thread. */
    void startDriver() {
        driver.start();
    }

    private void drive() {
        while (!ended) {
            if (!turn()) {
                LockSupport.parkNanos(1); // yields the processor: there are more threads than processors
            }
        }
    }

    /**
     * Performs one turn of the driver.
     *
     * @return whether frames had arrived; if not, the driver yields the processor
     */
    private boolean turn() {
        lock.lock();
        try {
            if (watched != null) {
                watch();
                return false;
            }
            if (turnsLeft == 0) {
                idle = true;
                return false;
            }
            if (turnsLeft > 0) {
                turnsLeft--;
            }
            final boolean received = receive() > 0;
            fill();
            return received;
        } finally {
            lock.unlock();
        }
    }

    private void fill() {
        for (int i = 0; i < pairs.size(); i++) {
            send(i, RING);
        }
        fills.incrementAndGet();
    }

    private void send(final int pair, final int most) {
        final Transmitter transmitter = pairs.get(pair).transmitter();
        for (int count = 0; count < most && transmitter.reserve() != 0; count++) {
            final int flow = pair * FLOWS + frames++ % FLOWS;
            write(transmitter.reserve(), flow, address(3 - station, 0));
            transmitter.commit(FRAME);
            if (count % BATCH == BATCH - 1) {
                transmitter.flush();
            }
        }
        transmitter.flush();
    }

    /** Sends one broadcast frame. */
    void sendToAll() {
        final Transmitter transmitter = pairs.getFirst().transmitter();
        write(transmitter.reserve(), 0, -1);
        transmitter.commit(FRAME);
        transmitter.flush();
    }

    private void write(final long at, final int flow, final long destination) {
        final int number = sent[flow]++;
        Memory.putLong(at, destination);
        Memory.putLong(at + 6, address(station, flow));
        Memory.putShort(at + 12, Short.reverseBytes((short) ETHERTYPE));
        Memory.putInt(at + 14, flow);
        Memory.putInt(at + NUMBER, number);
        for (int i = PATTERN; i + Long.BYTES <= FRAME; i += Long.BYTES) {
            Memory.putLong(at + i, pattern(flow, number, i));
        }
    }

    /** Returns the MAC address of a station, with its first byte in the lowest bits. */
    private static long address(final int station, final int flow) {
        return Short.toUnsignedLong(Short.reverseBytes((short) PREFIX)) | (long) station << 16 | (long) flow << 40;
    }

    private static long pattern(final int flow, final int number, final int at) {
        return ((long) flow << 32 | number) * 0x9E37_79B9_7F4A_7C15L + at;
    }

    /**
     * Takes all frames that have arrived, and makes their buffers available again.
     *
     * @return the number of frames taken
     */
    int receive() {
        int count = 0;
        for (int i = 0; i < pairs.size(); i++) {
            pairs.get(i).receiver().call().drain();
            count += take(i);
            pairs.get(i).receiver().flush();
        }
        return count;
    }

    /** Takes the frames that have arrived on a pair. Their buffers become available with the next flush. */
    private int take(final int pair) {
        final Receiver receiver = pairs.get(pair).receiver();
        int count = 0;
        for (; receiver.poll(); count++) {
            assertEquals(FRAME, receiver.length());
            final long at = receiver.address();
            final int flow = Memory.getInt(at + 14);
            final int number = Memory.getInt(at + NUMBER);
            assertTrue(number >= due[flow],
                () -> "frame " + number + " of flow " + flow + " arrived; expected " + due[flow]);
            due[flow] = number + 1;
            for (int i = PATTERN; i + Long.BYTES <= FRAME; i += Long.BYTES) {
                assertEquals(pattern(flow, number, i), Memory.getLong(at + i), "the frame's content");
            }
        }
        receivedBy[pair] += count;
        return count;
    }

    /** Makes the driver idle after that many turns, or never if the number is negative. */
    void idleAfter(final int turns) {
        turnsLeft = turns;
    }

    /**
     * Copies the guest's memory if the driver is idle, so that only a device could write to it. Any thread.
     *
     * @return the copy, or null if the driver is not idle
     */
    byte[] memoryIfIdle() {
        return idle ? memory() : null;
    }

    private byte[] memory() {
        final byte[] bytes = new byte[(int) guest.ram().size()];
        Memory.copy(guest.ram().address(), bytes, 0, bytes.length);
        return bytes;
    }

    /**
     * Starts to check that only the driver writes to the guest's memory, until {@link #unwatch}. Each turn of the
     * driver checks it, makes more frames and receive buffers available, and kicks.
     *
     * @param before an earlier copy of the memory, which has to be unchanged, or null
     */
    void watch(final byte[] before) {
        if (before != null) {
            assertUnchanged(before);
        }
        for (int i = 0; i < pairs.size(); i++) {
            final int count = take(i);
            assertTrue(pairs.get(i).receiver().call().drain() || count == 0, "received frames have been notified");
            pairs.get(i).transmitter().complete();
            pairs.get(i).transmitter().call().drain();
        }
        watched = memory();
    }

    private void watch() {
        assertUnchanged(watched);
        for (int i = 0; i < pairs.size(); i++) {
            final QueuePair pair = pairs.get(i);
            final long completed = pair.transmitter().completed();
            pair.transmitter().complete();
            assertEquals(completed, pair.transmitter().completed(), "no buffer is used");
            assertFalse(pair.receiver().poll(), "no frame arrives");
            assertFalse(pair.receiver().call().drain(), "the receive queue is not called");
            assertFalse(pair.transmitter().call().drain(), "the transmit queue is not called");
            pair.receiver().flush();
            send(i, 2);
            pair.receiver().queue().kick().signal();
            pair.transmitter().queue().kick().signal();
        }
        watched = memory();
        watchedTurns.incrementAndGet();
    }

    private void assertUnchanged(final byte[] before) {
        final int at = Arrays.mismatch(before, memory());
        assertEquals(-1, at, "the guest's memory is unchanged");
    }

    /** Checks the memory a last time, and lets the driver send and receive again. */
    void unwatch() {
        assertUnchanged(watched);
        watched = null;
        turnsLeft = -1;
        idle = false;
    }

    /** Discards all kicks that the switch has not read yet. */
    void drainKicks() {
        for (final QueuePair pair : pairs) {
            pair.receiver().queue().kick().drain();
            pair.transmitter().queue().kick().drain();
        }
    }

    /**
     * Stops every ring of the suspended device, and checks that the position of each equals the number of chains used.
     */
    void stop() throws IOException {
        frontend.stop();
        for (int i = 0; i < pairs.size(); i++) {
            assertEquals(base(receivedBy[i]), frontend.base(2 * i), "the receive ring's position");
            assertEquals(base(pairs.get(i).transmitter().completed()), frontend.base(2 * i + 1),
                "the transmit ring's position");
        }
    }

    /** Returns the position of a ring after that many chains, as GET_VRING_BASE encodes it. */
    private int base(final long chains) {
        if (!packed) {
            return (int) chains & 0xFFFF;
        }
        final int position = (int) (chains % RING) | (chains / RING % 2 == 0 ? 1 << 15 : 0);
        return position << 16 | position;
    }

    /** Starts every ring. If the memory is being watched, its content after the start is the one that has to remain. */
    void start() throws IOException {
        frontend.start();
        if (watched != null) {
            watched = memory();
        }
    }

    /** Enables every ring, although all are enabled, so that each worker that owns a ring completes a duty cycle. */
    void reenable() throws IOException {
        for (final QueuePair pair : pairs) {
            frontend.enable(pair, true);
        }
    }

    /** Ends the driver's thread. The caller acts as the driver from then on. */
    void endDriver() {
        ended = true;
        await("the driver's thread has ended", () -> !driver.isAlive());
    }

    long sent() {
        return IntStream.of(sent).asLongStream().sum();
    }

    long received() {
        return Arrays.stream(receivedBy).sum();
    }

    /** Returns whether every receive queue has received frames. */
    boolean receivedByAll() {
        return Arrays.stream(receivedBy).allMatch(count -> count > 0);
    }

    /** Returns the number of transmitted frames whose buffers the device has used. */
    long completed() {
        long sum = 0;
        for (final QueuePair pair : pairs) {
            pair.transmitter().complete();
            sum += pair.transmitter().completed();
        }
        return sum;
    }

    long pending() {
        return sent() - completed();
    }

    /** Returns the number of times that the driver has filled its transmit rings. Any thread. */
    long fills() {
        return fills.get();
    }

    /** Returns the number of turns in which the driver has checked the memory. Any thread. */
    long watchedTurns() {
        return watchedTurns.get();
    }

    /** Waits until the condition is met, and fails if the driver of one of these guests has failed. */
    static void await(final String what, final BooleanSupplier condition, final LoadedGuest... guests) {
        final long start = System.nanoTime();
        while (!condition.getAsBoolean()) {
            for (final LoadedGuest guest : guests) {
                if (guest.failure != null) {
                    throw new AssertionError("the driver of port " + guest.port.name() + " failed before " + what,
                        guest.failure);
                }
            }
            assertFalse(Thread.interrupted() || System.nanoTime() - start > LIMIT_NANOS,
                () -> "timed out waiting until " + what);
            LockSupport.parkNanos(1);
        }
    }

    /** Returns the number of frames dropped by the queues of one kind, {@code rx} or {@code tx}. Any thread. */
    long dropped(final String kind) {
        return port.queues().stream().filter(queue -> queue.kind().equals(kind))
            .map(QueueStatus::statistics).flatMap(reading -> reading.drops().values().stream())
            .mapToLong(Long::longValue).sum();
    }

    @Override
    public void close() {
        endDriver();
        guest.close();
    }
}
