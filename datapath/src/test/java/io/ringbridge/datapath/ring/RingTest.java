package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.testkit.TwoRegionRam;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Split and packed rings, driver against device. {@code HostileRingTest} and its siblings test hostile drivers. */
class RingTest extends RingFixture {
    /** An available chain: the guest addresses and lengths of its pieces. */
    private record Offer(int id, List<long[]> pieces) {
    }

    /** Returns sizes and features. A packed ring's size need not be a power of two. */
    static Stream<Arguments> rings() {
        final long events = Features.of(Features.EVENT_IDX);
        final long inOrder = Features.of(Features.IN_ORDER);
        return Stream.concat(
            layouts().boxed().flatMap(layout -> Stream.of(0L, events, inOrder, events | inOrder)
                .map(extra -> Arguments.of(SIZE, layout | extra))),
            IntStream.of(1, 2, 3, 7, 250, 1023, 32767, 32768).boxed()
                .flatMap(size -> Stream.of(0L, inOrder).map(extra -> Arguments.of(size, PACKED | events | extra))));
    }

    @ParameterizedTest
    @MethodSource("rings")
    void chainsOfAnyShapeArriveInOrderAcrossTheIndexWrap(final int size, final long extra) {
        final RingAddresses addresses = ram.ring(size);
        final DriverRing driver = DriverRing.create(size, FEATURES | extra, addresses);
        final DeviceRing device = device(addresses, size, FEATURES | extra, DriverRing.freshBase(extra));
        final SplittableRandom random = new SplittableRandom(7);
        final Deque<Offer> offered = new ArrayDeque<>();
        final Deque<Offer> taken = new ArrayDeque<>();
        final Deque<int[]> used = new ArrayDeque<>();
        final Segments buffers = new Segments();
        int chains = 0;
        while (chains < 70_000) {
            final List<long[]> pieces = new ArrayList<>();
            buffers.clear();
            final int count = 1 + random.nextInt(Math.min(size, 4));
            for (int i = 0; i < count; i++) {
                final long at = TwoRegionRam.BASE + random.nextLong(2 * TwoRegionRam.SIZE - 5000);
                final int length = random.nextInt(5000);
                pieces.add(new long[] {at, length});
                buffers.add(at, length);
            }
            final int id = driver.add(buffers, false);
            if (id >= 0) {
                offered.add(new Offer(id, pieces));
                chains++;
            }
            if (id < 0 || random.nextInt(size > 1000 ? 2000 : 8) == 0) {
                driver.publish();
                take(device, offered, taken, random);
                giveBack(device, taken, used, random);
                for (int back = driver.poll(); back >= 0; back = driver.poll()) {
                    final int[] expected = used.remove();
                    assertEquals(expected[0], back);
                    assertEquals(expected[1], driver.usedLength());
                }
            }
        }
        assertTrue(chains > 65536, "the index has wrapped");
    }

    private void take(final DeviceRing device, final Deque<Offer> offered, final Deque<Offer> taken,
                      final SplittableRandom random) {
        int atMost = random.nextInt(device.size() + 1);
        while (atMost-- > 0 && device.next(chain, false) == DeviceRing.TAKEN) {
            if (random.nextInt(10) == 0) {
                device.rewind(1);
                assertEquals(DeviceRing.TAKEN, device.next(chain, false), "a chain put back can be taken again");
            }
            final Offer offer = offered.remove();
            taken.add(offer);
            long total = 0;
            int piece = 0;
            for (final long[] expected : offer.pieces) {
                long left = expected[1];
                long at = expected[0];
                while (left > 0) {
                    assertEquals(ram.host(at), chain.address(piece));
                    at += chain.length(piece);
                    left -= chain.length(piece);
                    piece++;
                }
                assertEquals(0, left);
                total += expected[1];
            }
            assertEquals(piece, chain.count());
            assertEquals(total, chain.totalLength());
        }
    }

    private static void giveBack(final DeviceRing device, final Deque<Offer> taken, final Deque<int[]> used,
                                 final SplittableRandom random) {
        int left = taken.isEmpty() ? 0 : 1 + random.nextInt(taken.size());
        while (left > 0) {
            if (random.nextInt(4) == 0) {
                final int batch = 1 + random.nextInt(left);
                device.returnUnused(batch);
                for (int i = 0; i < batch; i++) {
                    used.add(new int[] {taken.remove().id, 0});
                }
                left -= batch;
            } else {
                final int written = random.nextInt(1 << 20);
                device.use(written);
                used.add(new int[] {taken.remove().id, written});
                left--;
            }
        }
        device.publish();
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void aBatchInOrderHasOneUsedEntryThatNamesTheLastChain(final long layout) {
        final long features = FEATURES | layout | Features.of(Features.IN_ORDER);
        final RingAddresses addresses = ram.ring(SIZE);
        final DriverRing driver = DriverRing.create(SIZE, features, addresses);
        final DeviceRing device = device(addresses, features);
        int first = 0;
        for (final int batch : new int[] {5, 1, 30}) {
            final int[] ids = new int[batch];
            for (int i = 0; i < batch; i++) {
                ids[i] = driver.add(TwoRegionRam.BASE, 60, false);
            }
            driver.publish();
            for (int i = 0; i < batch; i++) {
                assertEquals(DeviceRing.TAKEN, device.next(chain, false));
            }
            device.returnUnused(batch);
            device.publish();
            assertEquals(ids[batch - 1], usedId(addresses, layout, first));
            for (int i = 1; i < batch; i++) {
                assertUntouched(addresses, layout, first + i);
            }
            for (final int id : ids) {
                assertEquals(id, driver.poll());
                assertEquals(0, driver.usedLength());
            }
            assertEquals(-1, driver.poll());
            first += batch;
        }
    }

    private static int usedId(final RingAddresses addresses, final long layout, final int place) {
        return packed(layout) ? Memory.getShort(addresses.descriptors() + 16L * place + 12) & 0xFFFF
            : Memory.getInt(addresses.device() + 4 + 8L * place);
    }

    private static void assertUntouched(final RingAddresses addresses, final long layout, final int place) {
        if (packed(layout)) {
            assertTrue(Packed.isAvailable(Memory.getShort(addresses.descriptors() + 16L * place + Packed.FLAGS), true));
        } else {
            assertEquals(0, Memory.getLong(addresses.device() + 4 + 8L * place));
        }
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void chainsWithoutAUsedEntryCountAsFilled(final long layout) {
        final long features = FEATURES | layout | Features.of(Features.IN_ORDER);
        final RingAddresses addresses = ram.ring(SIZE);
        final DriverRing driver = DriverRing.create(SIZE, features, addresses);
        final DeviceRing device = device(addresses, features);
        for (final int length : new int[] {10, 20, 30}) {
            driver.add(TwoRegionRam.BASE, length, true);
            driver.publish();
            assertEquals(DeviceRing.TAKEN, device.next(chain, true));
        }
        device.returnUnused(3);
        device.publish();
        for (final int length : new int[] {10, 20, 0}) {
            assertTrue(driver.poll() >= 0);
            assertEquals(length, driver.usedLength());
        }
    }

    @Test
    void splitDescriptorsAreMadeAvailableInTableOrder() {
        final long features = FEATURES | Features.of(Features.IN_ORDER);
        final RingAddresses addresses = ram.ring(SIZE);
        final DriverRing driver = DriverRing.create(SIZE, features, addresses);
        final DeviceRing device = device(addresses, features);
        final Segments buffers = new Segments();
        buffers.add(TwoRegionRam.BASE, 1);
        buffers.add(TwoRegionRam.BASE + 10, 1);
        buffers.add(TwoRegionRam.BASE + 20, 1);
        for (int i = 0; i < 1000; i++) {
            assertEquals(3 * i % SIZE, driver.add(buffers, false));
            driver.publish();
            assertEquals(DeviceRing.TAKEN, device.next(chain, false));
            device.returnUnused(1);
            device.publish();
            assertTrue(driver.poll() >= 0);
        }
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void theEventIndexNotifiesExactlyWhenRequested(final long layout) {
        final long features = FEATURES | layout | Features.of(Features.EVENT_IDX);
        final RingAddresses addresses = ram.ring(SIZE);
        final DriverRing driver = DriverRing.create(SIZE, features, addresses);
        final DeviceRing device = device(addresses, features);
        driver.wantNotification(true);
        for (int i = 0; i < 70_000; i++) {
            driver.add(TwoRegionRam.BASE, 1, false);
            device.armKicks();
            assertTrue(driver.publish(), "a kick was requested");
            assertEquals(DeviceRing.TAKEN, device.next(chain, false));
            device.use(0);
            assertTrue(publishAndCheck(device), "a notification was requested");
            driver.poll();
            assertFalse(driver.wantNotification(true));
        }
        device.suppressKicks();
        driver.wantNotification(false);
        for (int i = 0; i < 1000; i++) {
            driver.add(TwoRegionRam.BASE, 1, false);
            assertFalse(driver.publish());
            device.next(chain, false);
            device.use(0);
            assertFalse(publishAndCheck(device));
            driver.poll();
        }
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void flagsSuppressKicksAndNotifications(final long layout) {
        final long features = FEATURES | layout;
        final RingAddresses addresses = ram.ring(SIZE);
        final DriverRing driver = DriverRing.create(SIZE, features, addresses);
        final DeviceRing device = device(addresses, features);
        driver.wantNotification(true);
        assertFalse(device.armKicks());
        driver.add(TwoRegionRam.BASE, 1, true);
        assertTrue(driver.publish());
        assertEquals(DeviceRing.TAKEN, device.next(chain, true));
        device.use(1);
        assertTrue(publishAndCheck(device));
        device.suppressKicks();
        driver.wantNotification(false);
        driver.add(TwoRegionRam.BASE, 1, true);
        assertFalse(driver.publish());
        device.next(chain, true);
        device.use(1);
        assertFalse(publishAndCheck(device));
        driver.add(TwoRegionRam.BASE, 1, true);
        driver.publish();
        assertTrue(device.armKicks(), "a chain is available already");
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void aRestartKeepsThePosition(final long layout) {
        final RingAddresses addresses = ram.ring(SIZE);
        final long features = FEATURES | layout;
        final DriverRing driver = DriverRing.create(SIZE, features, addresses);
        int base = DriverRing.freshBase(features);
        for (int i = 0; i < 70_000; i++) {
            // Some front-ends drop the upper half, which is the used position of a packed ring.
            final DeviceRing device = device(addresses, SIZE, features, i % 2 == 0 ? base : base & 0xFFFF);
            driver.add(TwoRegionRam.BASE, 60, false);
            driver.publish();
            assertEquals(DeviceRing.TAKEN, device.next(chain, false));
            device.use(0);
            device.publish();
            base = device.base();
            assertTrue(driver.poll() >= 0);
        }
    }
}
