package io.ringbridge.control.frontend;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.QueueStatus;
import io.ringbridge.datapath.ring.Features;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
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
 * A guest whose driver has a thread of its own: it keeps all transmit rings full of numbered frames for the other guest, in several
 * flows a ring, and takes what comes. Frames of a flow have to come in order, and none twice.
 *
 * <p>The front-end is the test's. All else belongs to whoever holds {@link #lock}, which the driver does for a turn at a time.
 */
final class LoadedGuest implements AutoCloseable {
    private static final int FLOWS = 4;
    private static final int RING = 256;
    private static final int BUFFER = 128;
    private static final int RAM_A_PAIR = 192 << 10;
    private static final int FRAME = 60;
    private static final int PREFIX = 0x5254;
    private static final int ETHERTYPE = 0x88B5;
    private static final int NUMBER = 18;
    private static final int PATTERN = 22;
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);
    /** Frames shown at a time. */
    private static final int BATCH = 32;

    final ReentrantLock lock = new ReentrantLock(true);
    final Frontend frontend;
    final GuestPort port;
    private final GuestRam ram;
    private final List<QueuePair> pairs = new ArrayList<>();
    private final int station;
    private final boolean packed;
    private final int[] sent;
    private final int[] due;
    private final long[] receivedBy;
    private final Thread driver = Thread.ofPlatform().name("driver").unstarted(this::drive);
    private int frames;
    private int turnsLeft = -1;
    private byte[] watched;
    private volatile boolean still;
    private volatile boolean ended;
    private final AtomicLong fulls = new AtomicLong();
    private final AtomicLong watchedTurns = new AtomicLong();
    private volatile Throwable failure;

    LoadedGuest(final Path socket, final GuestPort port, final long features, final int station) throws IOException {
        this.port = port;
        this.station = station;
        frontend = Frontend.connect(socket);
        packed = Features.has(frontend.negotiate(features), Features.RING_PACKED);
        ram = frontend.share((long) RAM_A_PAIR * port.queuePairs());
        for (int i = 0; i < port.queuePairs(); i++) {
            pairs.add(frontend.addPair(RING, BUFFER));
            pairs.get(i).receiver().wantNotification(true);
        }
        sent = new int[FLOWS * pairs.size()];
        due = new int[sent.length];
        receivedBy = new long[pairs.size()];
        driver.setUncaughtExceptionHandler((_, error) -> failure = error);
        frontend.start();
    }

    /** Lets the driver begin. */
    void begin() {
        driver.start();
    }

    private void drive() {
        while (!ended) {
            if (!turn()) {
                LockSupport.parkNanos(1); // lets others run: there are more threads than processors
            }
        }
    }

    /** What the driver does at a time; false where others may run first, as nothing had come. */
    private boolean turn() {
        lock.lock();
        try {
            if (watched != null) {
                watch();
                return false;
            }
            if (turnsLeft == 0) {
                still = true;
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
        fulls.incrementAndGet();
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

    /** Sends one frame to everybody. */
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

    /** A station's address, its first byte the lowest. */
    private static long address(final int station, final int flow) {
        return Short.toUnsignedLong(Short.reverseBytes((short) PREFIX)) | (long) station << 16 | (long) flow << 40;
    }

    private static long pattern(final int flow, final int number, final int at) {
        return ((long) flow << 32 | number) * 0x9E37_79B9_7F4A_7C15L + at;
    }

    /** Takes all that has come, and offers the buffers again; how many frames. */
    int receive() {
        int count = 0;
        for (int i = 0; i < pairs.size(); i++) {
            pairs.get(i).receiver().call().drain();
            count += take(i);
            pairs.get(i).receiver().flush();
        }
        return count;
    }

    /** Takes what has come on a pair; the last buffer is not offered before the next flush, nor any shown. */
    private int take(final int pair) {
        final Receiver receiver = pairs.get(pair).receiver();
        int count = 0;
        for (; receiver.poll(); count++) {
            assertEquals(FRAME, receiver.length());
            final long at = receiver.address();
            final int flow = Memory.getInt(at + 14);
            final int number = Memory.getInt(at + NUMBER);
            assertTrue(number >= due[flow], () -> "frame " + number + " of flow " + flow + ", when " + due[flow] + " was due");
            due[flow] = number + 1;
            for (int i = PATTERN; i + Long.BYTES <= FRAME; i += Long.BYTES) {
                assertEquals(pattern(flow, number, i), Memory.getLong(at + i), "the frame's content");
            }
        }
        receivedBy[pair] += count;
        return count;
    }

    /** Lets the driver do nothing any more after so many turns. */
    void stillAfter(final int turns) {
        turnsLeft = turns;
    }

    /** All memory, where the driver has had its last turn already, so that only a device could write to it; else null. Any thread. */
    byte[] memoryIfStill() {
        return still ? memory() : null;
    }

    private byte[] memory() {
        final byte[] bytes = new byte[(int) ram.size()];
        Memory.copy(ram.address(), bytes, 0, bytes.length);
        return bytes;
    }

    /**
     * From now on, until {@link #unwatch}, nobody but the driver writes to this memory: each of its turns looks for that, makes some more
     * frames and receive buffers available, and kicks.
     *
     * @param before what was there before, or null
     */
    void watch(final byte[] before) {
        if (before != null) {
            assertUnchanged(before);
        }
        for (int i = 0; i < pairs.size(); i++) {
            final int count = take(i);
            assertTrue(pairs.get(i).receiver().call().drain() || count == 0, "what was received has been notified");
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
            assertEquals(completed, pair.transmitter().completed(), "no buffer comes back");
            assertFalse(pair.receiver().poll(), "nothing arrives");
            assertFalse(pair.receiver().call().drain(), "and nobody calls");
            assertFalse(pair.transmitter().call().drain(), "of either queue");
            pair.receiver().flush();
            send(i, 2);
            pair.receiver().vring.kick.signal();
            pair.transmitter().vring.kick.signal();
        }
        watched = memory();
        watchedTurns.incrementAndGet();
    }

    private void assertUnchanged(final byte[] before) {
        final int at = Arrays.mismatch(before, memory());
        assertEquals(-1, at, "the guest's memory is left alone");
    }

    /** Looks a last time whether all was left alone, and lets the driver go on as usual. */
    void unwatch() {
        assertUnchanged(watched);
        watched = null;
        turnsLeft = -1;
        still = false;
    }

    /** Forgets the kicks that were not heard yet. */
    void drainKicks() {
        for (final QueuePair pair : pairs) {
            pair.receiver().vring.kick.drain();
            pair.transmitter().vring.kick.drain();
        }
    }

    /** Stops every ring, all being suspended: it stands where as much was taken as was given back. */
    void stop() throws IOException {
        frontend.stop();
        for (int i = 0; i < pairs.size(); i++) {
            assertEquals(base(receivedBy[i]), pairs.get(i).receiver().vring.base, "the receive ring's position");
            assertEquals(base(pairs.get(i).transmitter().completed()), pairs.get(i).transmitter().vring.base, "the transmit ring's");
        }
    }

    /** Where a ring is after so many chains, as in GET_VRING_BASE. */
    private int base(final long chains) {
        if (!packed) {
            return (int) chains & 0xFFFF;
        }
        final int position = (int) (chains % RING) | (chains / RING % 2 == 0 ? 1 << 15 : 0);
        return position << 16 | position;
    }

    /** Starts every ring, and takes what the memory is then as what it has to remain where it is being watched. */
    void start() throws IOException {
        frontend.start();
        if (watched != null) {
            watched = memory();
        }
    }

    /** Sets every ring enabled, as it is, so that each worker that owns some goes round. */
    void enableAgain() throws IOException {
        for (final QueuePair pair : pairs) {
            frontend.enable(pair, true);
        }
    }

    /** Ends the driver's thread, in whose place the caller comes. */
    void end() {
        ended = true;
        await("the driver's thread has ended", () -> !driver.isAlive());
    }

    long sent() {
        return IntStream.of(sent).asLongStream().sum();
    }

    long received() {
        return Arrays.stream(receivedBy).sum();
    }

    /** Whether every receive queue has had some. */
    boolean receivedByAll() {
        return Arrays.stream(receivedBy).allMatch(count -> count > 0);
    }

    /** Frames whose buffers have come back. */
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

    /** How often the driver has filled its transmit rings. Any thread. */
    long fulls() {
        return fulls.get();
    }

    /** How many turns were watched. Any thread. */
    long watchedTurns() {
        return watchedTurns.get();
    }

    /** Waits until something is so, and the drivers do their work meanwhile. */
    static void await(final String what, final BooleanSupplier condition, final LoadedGuest... guests) {
        final long begin = System.nanoTime();
        while (!condition.getAsBoolean()) {
            for (final LoadedGuest guest : guests) {
                if (guest.failure != null) {
                    throw new AssertionError("the driver of port " + guest.port.name() + ", before " + what, guest.failure);
                }
            }
            assertFalse(Thread.interrupted() || System.nanoTime() - begin > PATIENCE_NANOS, () -> "waited in vain until " + what);
            LockSupport.parkNanos(1);
        }
    }

    /** Counted as dropped by the queues of one kind, {@code rx} or {@code tx}. Any thread. */
    long dropped(final String kind) {
        return port.queues().stream().filter(queue -> queue.kind().equals(kind))
            .map(QueueStatus::statistics).flatMap(reading -> reading.drops().values().stream()).mapToLong(Long::longValue).sum();
    }

    @Override
    public void close() {
        end();
        frontend.close();
    }
}
