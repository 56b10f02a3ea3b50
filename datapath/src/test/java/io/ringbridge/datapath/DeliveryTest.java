package io.ringbridge.datapath;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.RingAddresses;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.Test;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

/** Delivery between guests with buffers of all shapes, and between a guest and a hostile one. */
class DeliveryTest extends SteppedFixture {
    private static final long NOT_MERGEABLE = Features.of(Features.VERSION_1, Features.INDIRECT_DESC);

    private TestGuest guest(final long features, final int size, final int bufferLength) {
        return guest(65535, features, size, bufferLength);
    }

    private void assertArrives(final byte[] frame, final TestGuest from, final TestGuest to) {
        run();
        final List<byte[]> frames = to.received();
        assertEquals(1, frames.size(), () -> "a frame of " + frame.length + "; drops: " + from.port.statistics().drops()
            + to.port.statistics().drops());
        assertArrayEquals(frame, frames.get(0));
        assertEquals(1, from.reap());
    }

    @Test
    void headerMayBeSplitAnywhere() {
        final TestGuest a = guest(TestGuest.FEATURES, 256, 2048);
        final TestGuest b = guest(TestGuest.FEATURES, 256, 2048);
        know(a, b);
        for (int cut = 1; cut < TestGuest.HEADER + 60; cut++) {
            final byte[] frame = Frames.ethernet(2, 1, 60);
            a.sendSplit(frame, cut);
            assertArrives(frame, a, b);
        }
        final byte[] frame = Frames.ethernet(2, 1, 60);
        a.sendSplit(frame, IntStream.range(1, 72).toArray());
        assertArrives(frame, a, b);
    }

    @Test
    void framesLieOverMergedBuffersOfAnySize() {
        final TestGuest a = guest(TestGuest.FEATURES, 256, 2048);
        for (final int bufferLength : new int[] {1, 5, 12, 13, 64, 300, 2048}) {
            final TestGuest b = guest(TestGuest.FEATURES, 256, bufferLength);
            b.send(Frames.broadcast(2, 60));
            run();
            a.received();
            for (final int size : new int[] {14, 60, 100, 243}) {
                final byte[] frame = Frames.ethernet(2, 1, size);
                a.send(frame);
                run();
                assertEquals(1, a.reap());
                assertArrayEquals(frame, mergedBytes(b));
            }
            guests.remove(b);
            datapath.remove(b.port);
            b.close();
        }
    }

    /** Collects one frame by hand, since the header itself may span several buffers. */
    private static byte[] mergedBytes(final TestGuest guest) {
        final TestGuest.Queue queue = guest.receive.get(0);
        final byte[] bytes = new byte[4096];
        int length = 0;
        int buffers = 0;
        for (int id = queue.ring.poll(); id >= 0; id = queue.ring.poll()) {
            Memory.copy(queue.buffers[id], bytes, length, queue.ring.usedLength());
            length += queue.ring.usedLength();
            buffers++;
            queue.post(queue.buffers[id], queue.lengths[id]);
        }
        queue.ring.publish();
        assertEquals(buffers, bytes[10] & 0xFF | (bytes[11] & 0xFF) << 8, "num_buffers");
        return Arrays.copyOfRange(bytes, TestGuest.HEADER, length);
    }

    @Test
    void aJumboFrameFillsManyBuffers() {
        final TestGuest a = guest(TestGuest.FEATURES, 256, 2048);
        final TestGuest b = guest(TestGuest.FEATURES, 256, 300);
        know(a, b);
        for (final int size : new int[] {1514, 9014, 65000}) {
            final byte[] frame = Frames.ethernet(2, 1, size);
            a.send(frame);
            assertArrives(frame, a, b);
        }
    }

    @Test
    void withoutMergingAFrameNeedsOneBuffer() {
        final TestGuest a = guest(TestGuest.FEATURES, 256, 2048);
        final TestGuest b = guest(NOT_MERGEABLE, 256, 100);
        know(a, b);
        final byte[] fits = Frames.ethernet(2, 1, 100 - TestGuest.HEADER);
        a.send(fits);
        assertArrives(fits, a, b);
        a.send(Frames.ethernet(2, 1, 101 - TestGuest.HEADER));
        run();
        assertEquals(0, b.received().size());
        assertEquals(1L, b.port.statistics().drops().get(DropReason.SMALL_BUFFER));
        a.reap();
        a.send(fits);
        assertArrives(fits, a, b);
    }

    @Test
    void aReceiveBufferMayBeScattered() {
        final TestGuest a = guest(TestGuest.FEATURES, 256, 2048);
        final TestGuest b = guest(NOT_MERGEABLE, 256, 1);
        know(a);
        b.port.detach();
        final TestGuest c = new TestGuest(b.port, NOT_MERGEABLE, 128, 1);
        guests.set(1, c);
        final TestGuest.Queue fresh = new ScatteredQueue(c).queue;
        a.send(Frames.broadcast(1, 200));
        run();
        final int id = fresh.ring.poll();
        assertEquals(0, id);
        assertEquals(212, fresh.ring.usedLength());
        b.ram.close();
        a.reap();
    }

    /** A receive ring whose only chain has buffers of 7 bytes. */
    private static final class ScatteredQueue {
        final TestGuest.Queue queue;

        ScatteredQueue(final TestGuest guest) {
            queue = guest.new Queue(0, 128);
            final Segments pieces = new Segments();
            final long memory = guest.allocate(700, 64);
            for (int i = 0; i < 40; i++) {
                pieces.add(guest.guest(memory + 10L * i), 7);
            }
            queue.ring.add(pieces, true);
            queue.ring.publish();
            queue.start();
        }
    }

    @Test
    void shortAndBadChainsAreCountedAndReturned() {
        final TestGuest a = guest(TestGuest.FEATURES, 256, 2048);
        final TestGuest b = guest(TestGuest.FEATURES, 256, 2048);
        know(a, b);
        final Segments pieces = new Segments();
        final long buffer = a.guest(a.allocate(4096, 64));
        for (final int length : new int[] {1, 10, 12, 25}) {
            pieces.clear();
            pieces.add(buffer, length);
            a.transmit.get(0).ring.add(pieces, false);
        }
        a.transmit.get(0).ring.add(buffer, 60, true);
        a.transmit.get(0).ring.add(0xDEAD_0000L, 60, false);
        a.transmit.get(0).ring.publish();
        run();
        assertEquals(6, a.reap());
        assertEquals(4L, a.port.statistics().drops().get(DropReason.SHORT_FRAME));
        assertEquals(2L, a.port.statistics().drops().get(DropReason.BAD_DESCRIPTOR));
        final byte[] frame = Frames.ethernet(2, 1, 60);
        a.send(frame);
        assertArrives(frame, a, b);
    }

    @Test
    void aBadReceiveBufferIsReturnedEmpty() {
        final TestGuest a = guest(TestGuest.FEATURES, 256, 2048);
        final TestGuest b = guest(TestGuest.FEATURES, 256, 16);
        know(a, b);
        final long descriptors = b.receive.get(0).ring.addresses().descriptors();
        for (int i = 0; i < 256; i++) {
            if (Memory.getLong(descriptors + 16L * i) != 0 && i % 3 == 0) {
                Memory.putLong(descriptors + 16L * i, 0xDEAD_0000L);
            }
        }
        for (int i = 0; i < 20; i++) {
            a.send(Frames.ethernet(2, 1, 60));
        }
        run();
        assertEquals(20, a.reap());
        assertNotNull(b.port.statistics().drops().get(DropReason.BAD_BUFFER));
        assertNull(b.port.failure());
    }

    @Test
    void aBrokenRingIsStoppedAndItsErrorEventSignalled() {
        final TestGuest a = guest(TestGuest.FEATURES, 256, 2048);
        final TestGuest b = guest(TestGuest.FEATURES, 256, 2048);
        final TestGuest c = guest(TestGuest.FEATURES, 256, 2048);
        know(a, b, c);
        final RingAddresses ring = a.transmit.get(0).ring.addresses();
        Memory.putShort(ring.driver() + 2, (short) 30_000);
        run();
        assertEquals(true, a.transmit.get(0).error.drain());
        assertNotNull(a.port.takeRingFault());
        final byte[] frame = Frames.ethernet(3, 2, 60);
        b.send(frame);
        assertArrives(frame, b, c);
    }

    @Test
    void aSenderThatTruncatesItsMemoryFailsAlone() {
        final TestGuest a = guest(TestGuest.FEATURES, 256, 2048);
        final TestGuest b = guest(TestGuest.FEATURES, 256, 2048);
        final TestGuest c = guest(TestGuest.FEATURES, 256, 2048);
        know(a, b, c);
        for (int i = 0; i < 10; i++) {
            a.send(Frames.ethernet(2, 1, 1000));
        }
        a.ram.file().resize(4096 * 4);
        run();
        assertNotNull(a.port.failure());
        assertEquals(PortState.FAILED, a.port.state());
        b.received();
        for (int i = 0; i < 100; i++) {
            final byte[] frame = Frames.ethernet(3, 2, 60);
            b.send(frame);
            assertArrives(frame, b, c);
        }
    }

    @Test
    void aReceiverThatTruncatesItsMemoryFailsAlone() {
        final TestGuest a = guest(TestGuest.FEATURES, 256, 2048);
        final TestGuest b = guest(TestGuest.FEATURES, 256, 2048);
        final TestGuest c = guest(TestGuest.FEATURES, 256, 2048);
        know(a, b, c);
        b.ram.file().resize(4096 * 4);
        a.send(Frames.broadcast(1, 1000));
        run();
        assertNotNull(b.port.failure());
        c.received();
        a.reap();
        for (int i = 0; i < 100; i++) {
            final byte[] frame = Frames.ethernet(3, 1, 60);
            a.send(frame);
            assertArrives(frame, a, c);
        }
    }

    @Test
    void remapUnderTrafficLosesNothing() {
        final TestGuest a = guest(TestGuest.FEATURES, 256, 2048);
        final TestGuest b = guest(TestGuest.FEATURES, 256, 2048);
        know(a, b);
        final SplittableRandom random = new SplittableRandom(3);
        for (int i = 0; i < 1000; i++) {
            final byte[] frame = Frames.ethernet(2, 1, 60 + random.nextInt(1000));
            a.send(frame);
            a.port.remap(a.memory,
                new RingAddresses[] {a.receive.get(0).ring.addresses(), a.transmit.get(0).ring.addresses()});
            b.port.remap(b.memory,
                new RingAddresses[] {b.receive.get(0).ring.addresses(), b.transmit.get(0).ring.addresses()});
            assertArrives(frame, a, b);
        }
    }
}
