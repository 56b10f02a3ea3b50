package io.ringbridge.datapath;

import io.ringbridge.datapath.driver.GuestRam;
import io.ringbridge.datapath.memory.Iotlb;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.IotlbRequests;
import io.ringbridge.datapath.ring.RingAddresses;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.Rings;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Guests behind an IOMMU: their frames wait for translations, and other guests' frames do not. */
@Timeout(60)
class TranslationTest extends SteppedFixture {
    private static final long PAGE = 4096;

    private TestGuest plain(final Rings rings) {
        final TestGuest guest = TestGuest.up(datapath.addGuestPort("g" + guests.size(), 1, 1500), rings);
        guests.add(guest);
        return guest;
    }

    /** A front-end's IOMMU: the requests for translations, and the answers. */
    private final class Iommu {
        final TestGuest guest;
        final Deque<long[]> missing = new ArrayDeque<>();
        final List<Long> denied = new ArrayList<>();
        int requested;

        Iommu(final Rings rings) {
            guest = new TestGuest(datapath.addGuestPort("g" + guests.size(), 1, 1500),
                rings.features | Features.of(Features.ACCESS_PLATFORM), 64, 2048);
            guests.add(guest);
            guest.memory = guest.memory.withTranslations(Iotlb.EMPTY);
            for (final List<TestGuest.Queue> queues : List.of(guest.receive, guest.transmit)) {
                queues.forEach(queue -> queue.translations = requests(queue.vring));
            }
            guest.start();
        }

        private IotlbRequests requests(final int vring) {
            return new IotlbRequests() {
                @Override
                public void missing(final long address, final int access) {
                    requested++;
                    missing.add(new long[] {vring, address, access});
                }

                @Override
                public void denied(final long address, final int access) {
                    denied.add(address);
                }
            };
        }

        void map(final long address, final int access) {
            final long page = address & -PAGE;
            if (guest.memory.iotlb().find(page) < 0) {
                guest.memory = guest.memory.withTranslations(
                    guest.memory.iotlb().with(page, PAGE, 0, guest.memory.translate(page, PAGE), access));
            }
            guest.port.addTranslations(guest.memory, page, page + PAGE - 1);
        }

        /** Answers the oldest request. */
        void answer() {
            final long[] request = missing.remove();
            map(request[1], Iotlb.READ | Iotlb.WRITE);
        }

        void answerAll() {
            while (!missing.isEmpty()) {
                answer();
                run();
            }
        }

        void invalidate(final long first, final long last) {
            guest.memory = guest.memory.withTranslations(guest.memory.iotlb().without(first, last));
            guest.port.remap(guest.memory,
                new RingAddresses[] {guest.receive.get(0).ring.addresses(), guest.transmit.get(0).ring.addresses()});
        }
    }

    @ParameterizedTest
    @EnumSource(Rings.class)
    void framesWaitForTheirTranslationInOrder(final Rings rings) {
        final Iommu a = new Iommu(rings);
        final TestGuest b = plain(rings);
        a.answerAll();
        b.send(Frames.broadcast(2, 60));
        run();
        assertEquals(1, a.guest.received().size(),
            "translations of receive buffers are requested before a frame arrives");
        final List<byte[]> sent = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            a.guest.allocate(PAGE, 1);
            sent.add(Frames.ethernet(2, 1, 1000 + i));
            a.guest.send(sent.get(i));
        }
        run();
        run();
        assertEquals(0, a.guest.reap());
        assertEquals(1, a.missing.size(), "requested once");
        a.answerAll();
        final List<byte[]> received = b.received();
        assertEquals(sent.size(), received.size());
        for (int i = 0; i < sent.size(); i++) {
            assertArrayEquals(sent.get(i), received.get(i));
        }
        assertEquals(sent.size(), a.guest.reap());
        assertEquals(Map.of(), a.guest.port.statistics().drops());
    }

    @ParameterizedTest
    @EnumSource(Rings.class)
    void aMissDelaysNoOtherGuest(final Rings rings) {
        final Iommu a = new Iommu(rings);
        final TestGuest b = plain(rings);
        final TestGuest c = plain(rings);
        b.send(Frames.broadcast(2, 60));
        c.send(Frames.broadcast(3, 60));
        a.guest.send(Frames.ethernet(2, 1, 60));
        run();
        b.received();
        c.received();
        b.reap();
        assertEquals(0, a.guest.reap());
        assertEquals(Map.of(DropReason.NO_TRANSLATION, 2L), a.guest.port.statistics().drops(),
            "both broadcasts are dropped");
        for (int i = 0; i < 1000; i++) {
            final long mark = b.mark();
            final byte[] frame = Frames.ethernet(3, 2, 60 + i);
            b.send(frame);
            run();
            assertEquals(1, b.reap());
            assertArrayEquals(frame, c.received().get(0));
            b.release(mark);
        }
        assertEquals(2, a.missing.size(), "one per queue");
        a.answerAll();
        assertEquals(1, a.guest.reap());
        assertEquals(1, b.received().size());
    }

    @ParameterizedTest
    @EnumSource(Rings.class)
    void translationsInvalidatedUnderTrafficAreRequestedAgain(final Rings rings) {
        final Iommu a = new Iommu(rings);
        final Iommu b = new Iommu(rings);
        final SplittableRandom random = new SplittableRandom(3);
        a.answerAll();
        b.answerAll();
        b.guest.send(Frames.broadcast(2, 60));
        run();
        b.answerAll();
        assertEquals(1, a.guest.received().size());
        assertEquals(1, b.guest.reap());
        final int requestedBefore = a.requested + b.requested;
        for (int round = 0; round < 500; round++) {
            final long mark = a.guest.mark();
            final List<byte[]> sent = new ArrayList<>();
            for (int i = 1 + random.nextInt(8); i > 0; i--) {
                sent.add(Frames.ethernet(2, 1, 60 + random.nextInt(1400)));
                final int cut = 12 + random.nextInt(40);
                a.guest.sendSplit(sent.getLast(), cut);
            }
            for (final Iommu each : random.nextBoolean() ? List.of(a, b) : List.of(b)) {
                final long first = GuestRam.GUEST_ADDRESS + random.nextLong(2 << 20);
                each.invalidate(first, random.nextInt(4) == 0 ? -1 : first + random.nextLong(1 << 18));
            }
            do {
                while (!b.missing.isEmpty()) {
                    b.answer(); // each answer leads to the next request, until all pages are mapped
                }
                if (!a.missing.isEmpty()) {
                    a.answer();
                }
            } while (datapath.step() > 0 || !a.missing.isEmpty() || !b.missing.isEmpty());
            final List<byte[]> received = b.guest.received();
            assertEquals(sent.size(), received.size());
            for (int i = 0; i < sent.size(); i++) {
                assertArrayEquals(sent.get(i), received.get(i));
            }
            assertEquals(sent.size(), a.guest.reap());
            a.guest.release(mark);
        }
        assertTrue(a.requested + b.requested - requestedBefore > 500, "mappings are invalidated under traffic");
        assertEquals(Map.of(), b.guest.port.statistics().drops());
    }

    @ParameterizedTest
    @EnumSource(Rings.class)
    void aRefusedTranslationCostsOnlyItsChain(final Rings rings) {
        final Iommu a = new Iommu(rings);
        final TestGuest b = plain(rings);
        a.answerAll();
        final byte[] bad = Frames.ethernet(2, 1, 60);
        final byte[] good = Frames.ethernet(2, 1, 61);
        a.guest.allocate(PAGE, 4096);
        a.guest.send(bad);
        a.guest.allocate(PAGE, 4096);
        a.guest.send(good);
        run();
        final long[] request = a.missing.remove();
        a.guest.port.refuseTranslation((int) request[0], request[1] + 1, (int) request[2]);
        run();
        assertEquals(0, a.guest.reap(), "another address was refused");
        assertTrue(a.missing.isEmpty());
        a.guest.port.refuseTranslation((int) request[0], request[1], (int) request[2]);
        run();
        assertEquals(1, a.guest.reap());
        a.answerAll();
        assertEquals(1, a.guest.reap());
        assertArrayEquals(good, b.received().get(0));
        assertEquals(Map.of(DropReason.BAD_DESCRIPTOR, 1L), a.guest.port.statistics().drops());
        assertEquals(List.of(), a.denied);
    }

    @ParameterizedTest
    @EnumSource(Rings.class)
    void receiveBuffersWithoutWriteAccessAreReturnedAndReported(final Rings rings) {
        final Iommu a = new Iommu(rings);
        final TestGuest b = plain(rings);
        final long[] request = a.missing.remove();
        a.map(request[1], Iotlb.READ);
        assertEquals(List.of(request[1]), a.denied);
        b.send(Frames.broadcast(2, 60));
        run();
        assertEquals(1, b.reap());
        assertEquals(Map.of(DropReason.BAD_BUFFER, 1L), a.guest.port.statistics().drops());
        assertTrue(a.guest.receive.get(0).ring.poll() >= 0, "the buffer is given back");
        assertEquals(0, a.guest.receive.get(0).ring.usedLength());
    }

    @ParameterizedTest
    @EnumSource(Rings.class)
    void aSuspendedPortRequestsNothingAndUsesTranslationsReceivedMeanwhile(final Rings rings) {
        final Iommu a = new Iommu(rings);
        final TestGuest b = plain(rings);
        a.answerAll();
        a.guest.allocate(PAGE, 4096); // so that the next allocation has a page of its own
        a.guest.send(Frames.ethernet(2, 1, 60));
        run();
        final long[] request = a.missing.peek();
        a.guest.port.suspend(SuspendCause.FRONT_END);
        final int requested = a.requested;
        a.map(request[1], Iotlb.READ);
        run();
        a.invalidate(GuestRam.GUEST_ADDRESS + (8 << 20), -1);
        assertEquals(requested, a.requested);
        assertEquals(0, a.guest.reap());
        a.guest.port.resume(SuspendCause.FRONT_END);
        run();
        assertEquals(1, a.guest.reap());
        assertEquals(1, b.received().size());
    }

    @ParameterizedTest
    @EnumSource(Rings.class)
    void outstandingRequestsAreRepeatedToANewReceiver(final Rings rings) {
        final Iommu a = new Iommu(rings);
        plain(rings);
        a.answerAll();
        a.guest.allocate(PAGE, 4096); // so that the next allocation has a page of its own
        a.guest.send(Frames.ethernet(2, 1, 60));
        run();
        final long[] request = a.missing.remove();
        final TestGuest.Queue queue = a.guest.transmit.get(0);
        queue.translations = null;
        a.guest.port.setRingEvents(queue.vring, queue.events());
        run();
        assertTrue(a.missing.isEmpty());
        queue.translations = a.requests(queue.vring);
        a.guest.port.setRingEvents(queue.vring, queue.events());
        run();
        assertEquals(1, a.missing.size());
        assertEquals(request[1], a.missing.peek()[1]);
        a.answerAll();
        assertEquals(1, a.guest.reap());
    }

    @ParameterizedTest
    @EnumSource(Rings.class)
    void aWaitingRingCanBeStoppedAtItsPosition(final Rings rings) {
        final Iommu a = new Iommu(rings);
        final TestGuest b = plain(rings);
        a.answerAll();
        a.guest.allocate(PAGE, 4096); // so that the next allocation has a page of its own
        a.guest.send(Frames.ethernet(2, 1, 60));
        run();
        final TestGuest.Queue queue = a.guest.transmit.get(0);
        final int base = a.guest.port.stopRing(queue.vring);
        assertFalse(a.guest.port.queues().get(queue.vring).started());
        assertEquals(0, a.guest.reap());
        a.missing.clear();
        a.guest.port.startRing(queue.vring, queue.config(base), queue.events());
        run();
        a.answerAll();
        assertEquals(1, a.guest.reap(), "the frame was not taken before the stop");
        assertEquals(1, b.received().size());
        assertNull(a.guest.port.takeRingFault());
    }
}
