package io.ringbridge.datapath;

import io.ringbridge.datapath.driver.GuestRam;
import io.ringbridge.datapath.memory.DirtyLog;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.Mapping;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.RingAddresses;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Compares the dirty log page by page with the pages that have changed, for rings and buffers of all shapes. */
class DirtyLoggingTest extends SteppedFixture {
    /** The byte that fills memory which the device may write. No frame contains it, so every write is a change. */
    private static final byte FILLING = (byte) 0xA5;
    private static final long FILLING_WORD = 0xA5A5_A5A5_A5A5_A5A5L;
    private static final long EVENTS = Features.of(Features.EVENT_IDX);
    private static final long PACKED = Features.of(Features.RING_PACKED);
    private static final long MERGE = Features.of(Features.MRG_RXBUF);
    private static final int SIZE = 1024;

    private final List<GuestLog> logs = new ArrayList<>();

    @AfterEach
    void closeLogs() {
        guests.forEach(TestGuest::close);
        guests.clear();
        logs.forEach(GuestLog::close);
    }

    private TestGuest guest(final long features, final int size, final int bufferLength) {
        return guest(9000, features, size, bufferLength);
    }

    private GuestLog log(final TestGuest guest) {
        final GuestLog log = new GuestLog(guest);
        logs.add(log);
        return log;
    }

    /** Adds two guests and lets the switch learn both. */
    private TestGuest[] pair(final long features, final int bufferLength) {
        final TestGuest a = guest(features, SIZE, bufferLength);
        final TestGuest b = guest(features, SIZE, bufferLength);
        for (int i = 0; i < 2; i++) {
            guests.get(i).send(Frames.broadcast(i + 1, 60));
            run();
            guests.get(i).reap();
            guests.get(1 - i).received();
        }
        return new TestGuest[] {a, b};
    }

    private static byte[] frame(final int destination, final int source, final int length) {
        final byte[] frame = Frames.ethernet(destination, source, length);
        for (int i = 0; i < length; i++) {
            frame[i] = frame[i] == FILLING ? 0 : frame[i];
        }
        return frame;
    }

    /** Fills the memory that the device may write: the posted buffers, and the used entries that were polled. */
    private static void fill(final TestGuest guest) {
        final TestGuest.Queue receive = guest.receive.get(0);
        for (int i = 0; i < receive.buffers.length; i++) {
            fill(receive.buffers[i], receive.lengths[i]);
        }
        if (!Features.has(receive.config(0).features(), Features.RING_PACKED)) {
            for (final TestGuest.Queue queue : List.of(receive, guest.transmit.get(0))) {
                fill(queue.ring.addresses().device() + 4, 8 * SIZE);
            }
        }
    }

    private static void fill(final long address, final int length) {
        for (int at = 0; at < length - 7; at += 8) {
            Memory.putLong(address + at, FILLING_WORD);
        }
        for (int at = length & ~7; at < length; at++) {
            Memory.putByte(address + at, FILLING);
        }
    }

    private void assertExact(final String when) {
        for (int i = 0; i < logs.size(); i++) {
            assertEquals(logs.get(i).changedPages(), logs.get(i).marked(), when + ", guest " + i);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {100, 300, 1024, 2048, 5000})
    void everyPageWrittenIsMarkedAndNoOther(final int bufferLength) {
        final SplittableRandom random = new SplittableRandom(bufferLength);
        for (final long layout : new long[] {0, EVENTS, PACKED, PACKED | EVENTS}) {
            final TestGuest[] pair = pair(TestGuest.FEATURES | layout, bufferLength);
            log(pair[0]).begin();
            log(pair[1]).begin();
            for (int round = 0; round < 16; round++) {
                final int from = random.nextInt(2);
                final List<byte[]> sent = new ArrayList<>();
                for (int n = random.nextInt(1, 40); n > 0; n--) {
                    final byte[] frame = frame(2 - from, 1 + from,
                        random.nextInt(60, random.nextInt(8) == 0 ? 9000 : 1514));
                    pair[from].send(frame);
                    sent.add(frame);
                }
                guests.forEach(DirtyLoggingTest::fill);
                logs.forEach(GuestLog::reset);
                run();
                assertExact(
                    "buffers of " + bufferLength + ", features " + Long.toHexString(layout) + ", round " + round);
                final List<byte[]> arrived = pair[1 - from].received();
                assertEquals(sent.size(), arrived.size());
                assertArrayEquals(sent.get(0), arrived.get(0));
                assertEquals(sent.size(), pair[from].reap());
            }
            detachAll();
        }
    }

    @Test
    void markedPagesAreCountedAcrossLogs() {
        final TestGuest[] pair = pair(TestGuest.FEATURES, 2048);
        long marked = 0;
        for (int i = 0; i < 2; i++) {
            final GuestLog log = log(pair[1]);
            log.begin();
            for (int round = 0; round < 5; round++) {
                pair[0].send(frame(2, 1, 1000));
                run();
                assertEquals(1, pair[1].received().size());
                marked += log.marked().size();
            }
        }
        assertTrue(marked > 0);
        assertEquals(marked, pair[1].port.activity().dirtyPages());
        assertEquals(0, pair[0].port.activity().dirtyPages());
    }

    private void detachAll() {
        for (final TestGuest guest : guests) {
            datapath.remove(guest.port);
            guest.close();
        }
        guests.clear();
        logs.forEach(GuestLog::close);
        logs.clear();
    }

    @Test
    void aScatteredBufferMarksOnlyThePagesThatTheFrameReaches() {
        for (final long layout : new long[] {0, PACKED}) {
            final long features = TestGuest.FEATURES & ~MERGE | layout;
            final TestGuest[] pair = pair(features, 2048);
            pair[1].port.stopRing(0);
            final TestGuest.Queue queue = pair[1].new Queue(0, SIZE);
            final long memory = pair[1].allocate(1 << 20, 4096);
            final GuestLog log = log(pair[1]);
            queue.start();
            log.begin();
            final SplittableRandom random = new SplittableRandom(7);
            for (int round = 0; round < 25; round++) {
                final Segments pieces = new Segments();
                for (int i = 0; i < 20; i++) {
                    pieces.add(pair[1].guest(memory + i * 8192L + random.nextInt(4096)), random.nextInt(1, 4096));
                }
                queue.ring.add(pieces, true);
                queue.ring.publish();
                pair[0].send(frame(2, 1, random.nextInt(60, 9000)));
                fill(memory, 1 << 20);
                log.reset();
                run();
                assertEquals(log.changedPages(), log.marked(), "round " + round);
                assertTrue(queue.ring.poll() >= 0);
                assertEquals(1, pair[0].reap());
            }
            detachAll();
        }
    }

    @Test
    void floodsAreLoggedAtEveryReceiver() {
        pair(TestGuest.FEATURES, 2048);
        guest(TestGuest.FEATURES | PACKED, SIZE, 2048);
        guests.forEach(guest -> log(guest).begin());
        for (int i = 0; i < 10; i++) {
            guests.get(0).send(frame(77, 1, 500));
            guests.forEach(DirtyLoggingTest::fill);
            logs.forEach(GuestLog::reset);
            run();
            assertExact("flood " + i);
            guests.forEach(TestGuest::received);
            guests.get(0).reap();
        }
    }

    @Test
    void loggingIsTurnedOnAndOffWhileRingsRun() {
        final TestGuest[] pair = pair(TestGuest.FEATURES, 2048);
        final GuestLog log = log(pair[1]);
        for (int i = 0; i < 6; i++) {
            final boolean on = i % 2 != 0;
            pair[1].port.setLog(on ? log.log : null, log.changed);
            log.reset();
            pair[0].send(frame(2, 1, 1000));
            run();
            final Set<Long> marked = log.marked();
            assertEquals(on, !marked.isEmpty());
            assertEquals(on ? 1 : 0, log.signals());
            assertEquals(1, pair[1].received().size());
            pair[0].reap();
        }
    }

    @Test
    void aReplacedLogIsNoLongerWritten() {
        final TestGuest[] pair = pair(TestGuest.FEATURES, 2048);
        final GuestLog first = log(pair[1]).begin();
        final GuestLog second = log(pair[1]).begin();
        pair[0].send(frame(2, 1, 1000));
        fill(pair[1]);
        first.reset();
        second.reset();
        run();
        assertEquals(Set.of(), first.marked());
        assertEquals(second.changedPages(), second.marked());
    }

    @Test
    void usedRingsAreLoggedOnlyIfTheFrontEndRequestsIt() {
        final TestGuest[] pair = pair(TestGuest.FEATURES, 2048);
        final GuestLog log = log(pair[1]).begin();
        final RingAddresses receive = pair[1].receive.get(0).ring.addresses();
        final RingAddresses transmit = pair[1].transmit.get(0).ring.addresses();
        pair[1].port.remap(pair[1].memory, new RingAddresses[] {
            new RingAddresses(receive.descriptors(), receive.driver(), receive.device(),
                GuestRam.GUEST_ADDRESS + 4096 * 4000L), transmit});
        pair[0].send(frame(2, 1, 1000));
        fill(pair[1]);
        log.reset();
        run();
        final Set<Long> expected = log.changedPages();
        final long usedFirst = (receive.device() - pair[1].ram.address()) / 4096;
        final Set<Long> usedPages = new TreeSet<>(Set.of(usedFirst, usedFirst + 1, usedFirst + 2));
        expected.removeAll(usedPages);
        final Set<Long> payload = new TreeSet<>(expected);
        expected.add(4000L);
        assertEquals(expected, log.marked(), "the used ring is logged at the front-end's address");
        pair[1].received();
        pair[1].port.remap(pair[1].memory, new RingAddresses[] {
            new RingAddresses(receive.descriptors(), receive.driver(), receive.device()), transmit});
        pair[0].send(frame(2, 1, 1000));
        fill(pair[1]);
        log.reset();
        run();
        payload.clear();
        payload.addAll(log.changedPages());
        payload.removeAll(usedPages);
        assertEquals(payload, log.marked(), "only the payload is logged");
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1L << 29, 1L << 34, 1L << 34 | 1L << 29})
    void startAndStopOfARingAreLoggedBeforeTheyReturn(final long layout) {
        final TestGuest[] pair = pair(TestGuest.FEATURES | layout, 2048);
        final GuestLog log = log(pair[1]).begin();
        for (int i = 0; i < 5; i++) {
            pair[0].send(frame(2, 1, 1000));
        }
        fill(pair[1]);
        log.reset();
        run();
        final int base = pair[1].port.stopRing(0);
        assertEquals(log.changedPages(), log.marked());
        assertEquals(5, pair[1].received().size());
        log.reset();
        for (int i = 0; i < 5; i++) {
            pair[0].send(frame(2, 1, 1000));
        }
        run();
        assertEquals(Set.of(), log.marked(), "a stopped ring is not written");
        assertEquals(Set.of(), log.changedPages());
        final TestGuest.Queue queue = pair[1].receive.get(0);
        final long device = queue.ring.addresses().device();
        final long event = (layout & PACKED) != 0 ? device + 2
            : (layout & EVENTS) != 0 ? device + 4 + 8 * SIZE : device;
        Memory.putShort(event, (short) -1);
        log.reset();
        pair[1].port.startRing(0, queue.config(base), queue.events());
        assertEquals(log.changedPages(), log.marked(), "the suppression of kicks is logged");
        assertEquals(1, log.signals());
        pair[0].reap();
    }

    @Test
    void theFrontEndIsSignalledOncePerBurst() {
        final TestGuest[] pair = pair(TestGuest.FEATURES, 5000);
        final GuestLog sender = log(pair[0]).begin();
        final GuestLog receiver = log(pair[1]).begin();
        for (int i = 0; i < 64; i++) {
            pair[0].send(frame(2, 1, 4000));
        }
        logs.forEach(GuestLog::reset);
        datapath.step();
        assertEquals(1, receiver.signals());
        assertEquals(1, sender.signals());
        assertTrue(receiver.marked().size() > 20);
        run();
        assertEquals(0, receiver.signals());
    }

    @Test
    void aShortLogIsNotWrittenBeyondItsEnd() {
        final TestGuest[] pair = pair(TestGuest.FEATURES, 2048);
        final long covered = GuestRam.GUEST_ADDRESS / 4096 / 8 + 3;
        try (MemFd file = MemFd.create("log", 2 * covered); Mapping view = Mapping.map(file.fd(), 0, 2 * covered);
             DirtyLog log = DirtyLog.map(Fd.duplicate(file.fd()), 0, covered)) {
            pair[1].port.setLog(log, null);
            for (int i = 0; i < 500; i++) {
                pair[0].send(frame(2, 1, 1000));
            }
            run();
            pair[1].port.setLog(null, null);
            for (long at = covered; at < 2 * covered; at++) {
                assertEquals(0, Memory.getByte(view.address() + at));
            }
            assertTrue(Memory.getShort(view.address() + covered - 3) != 0, "pages that the log covers are marked");
        }
    }

    @Test
    void aTruncatedLogFailsOnlyItsOwnPort() {
        final TestGuest[] pair = pair(TestGuest.FEATURES, 2048);
        final TestGuest c = guest(TestGuest.FEATURES, SIZE, 2048);
        c.send(Frames.broadcast(3, 60));
        run();
        final GuestLog log = log(pair[1]).begin();
        final GuestLog other = log(c).begin();
        guests.forEach(TestGuest::received);
        log.file.resize(0);
        for (int i = 0; i < 40; i++) {
            pair[0].send(frame(2, 1, 1000));
        }
        run();
        assertNotNull(pair[1].port.failure());
        assertTrue(pair[1].port.failure().contains("log"));
        assertEquals(PortState.FAILED, pair[1].port.state());
        assertNull(pair[0].port.failure());
        for (int i = 0; i < 100; i++) {
            final byte[] frame = frame(3, 1, 100);
            pair[0].send(frame);
            fill(c);
            other.reset();
            run();
            assertEquals(other.changedPages(), other.marked());
            assertArrayEquals(frame, c.received().get(0));
        }
        assertFalse(pair[1].port.queues().get(0).started());
        log.file.resize(1 << 20);
    }
}
