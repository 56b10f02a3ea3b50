package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.SplittableRandom;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The split ring, driver against device, and a device against a hostile driver. */
class SplitRingTest {
    private static final long FEATURES = Features.of(Features.VERSION_1, Features.INDIRECT_DESC);
    private static final int SIZE = 64;

    private final GuestRam ram = new GuestRam();
    private final Segments chain = new Segments();

    @AfterEach
    void close() {
        ram.close();
    }

    private DeviceRing device(final RingAddresses addresses, final long features, final int base) {
        return DeviceRing.create(new RingConfig(SIZE, features, addresses, base, ram.memory));
    }

    /** What the driver offered: the pieces' guest addresses and lengths. */
    private record Offer(int id, List<long[]> pieces) {
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1L << Features.EVENT_IDX})
    void chainsOfAnyShapeArriveInOrderAcrossTheIndexWrap(final long extra) {
        final RingAddresses addresses = ram.ring(SIZE);
        final DriverRing driver = DriverRing.create(SIZE, FEATURES | extra, addresses);
        final DeviceRing device = device(addresses, FEATURES | extra, 0);
        final SplittableRandom random = new SplittableRandom(7);
        final Deque<Offer> offered = new ArrayDeque<>();
        final Deque<Offer> taken = new ArrayDeque<>();
        final Deque<int[]> used = new ArrayDeque<>();
        final Segments buffers = new Segments();
        int chains = 0;
        while (chains < 70_000) {
            final List<long[]> pieces = new ArrayList<>();
            buffers.clear();
            final int count = 1 + random.nextInt(4);
            for (int i = 0; i < count; i++) {
                final long at = GuestRam.BASE + random.nextLong(2 * GuestRam.SIZE - 5000);
                final int length = random.nextInt(5000);
                pieces.add(new long[] {at, length});
                buffers.add(at, length);
            }
            final int id = driver.add(buffers, false);
            if (id >= 0) {
                offered.add(new Offer(id, pieces));
                chains++;
            }
            if (id < 0 || random.nextInt(8) == 0) {
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

    private void take(final DeviceRing device, final Deque<Offer> offered, final Deque<Offer> taken, final SplittableRandom random) {
        int atMost = random.nextInt(SIZE + 1);
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
        int atMost = taken.isEmpty() ? 0 : 1 + random.nextInt(taken.size());
        while (atMost-- > 0) {
            final int written = random.nextInt(1 << 20);
            device.use(written);
            used.add(new int[] {taken.remove().id, written});
        }
        device.publish();
    }

    @Test
    void indirectTableMayLieAcrossRegions() {
        final RingAddresses addresses = ram.ring(SIZE);
        final DeviceRing device = device(addresses, FEATURES, 0);
        final long table = GuestRam.BASE + GuestRam.SIZE - 16;
        descriptor(ram.host(table), GuestRam.BASE, 100, Descriptor.NEXT, 1);
        descriptor(ram.host(table + 16), GuestRam.BASE + 500, 50, 0, 0);
        offer(addresses, table, 32, Descriptor.INDIRECT);
        assertEquals(DeviceRing.TAKEN, device.next(chain, false));
        assertEquals(2, chain.count());
        assertEquals(150, chain.totalLength());
    }

    @Test
    void eventIndexNotifiesExactlyWhenAsked() {
        final long features = FEATURES | Features.of(Features.EVENT_IDX);
        final RingAddresses addresses = ram.ring(SIZE);
        final DriverRing driver = DriverRing.create(SIZE, features, addresses);
        final DeviceRing device = device(addresses, features, 0);
        driver.wantNotification(true);
        for (int i = 0; i < 70_000; i++) {
            driver.add(GuestRam.BASE, 1, false);
            device.armKicks();
            assertTrue(driver.publish(), "a kick is asked for");
            assertEquals(DeviceRing.TAKEN, device.next(chain, false));
            device.use(0);
            assertTrue(device.publish(), "a notification is asked for");
            driver.poll();
            assertFalse(driver.wantNotification(true));
        }
        device.suppressKicks();
        driver.wantNotification(false);
        for (int i = 0; i < 1000; i++) {
            driver.add(GuestRam.BASE, 1, false);
            assertFalse(driver.publish());
            device.next(chain, false);
            device.use(0);
            assertFalse(device.publish());
            driver.poll();
        }
    }

    @Test
    void flagsSuppressKicksAndNotifications() {
        final RingAddresses addresses = ram.ring(SIZE);
        final DriverRing driver = DriverRing.create(SIZE, FEATURES, addresses);
        final DeviceRing device = device(addresses, FEATURES, 0);
        driver.wantNotification(true);
        assertFalse(device.armKicks());
        driver.add(GuestRam.BASE, 1, true);
        assertTrue(driver.publish());
        assertEquals(DeviceRing.TAKEN, device.next(chain, true));
        device.use(1);
        assertTrue(device.publish());
        device.suppressKicks();
        driver.wantNotification(false);
        driver.add(GuestRam.BASE, 1, true);
        assertFalse(driver.publish());
        device.next(chain, true);
        device.use(1);
        assertFalse(device.publish());
        driver.add(GuestRam.BASE, 1, true);
        driver.publish();
        assertTrue(device.armKicks(), "what is there already is told");
    }

    private static void descriptor(final long at, final long address, final int length, final int flags, final int next) {
        Memory.putLong(at, address);
        Memory.putInt(at + 8, length);
        Memory.putShort(at + 12, (short) flags);
        Memory.putShort(at + 14, (short) next);
    }

    /** Makes descriptor 0 available, with this content. */
    private static void offer(final RingAddresses addresses, final long address, final int length, final int flags) {
        descriptor(addresses.descriptors(), address, length, flags, 0);
        final int idx = Memory.getShort(addresses.driver() + 2) & 0xFFFF;
        Memory.putShort(addresses.driver() + 4 + 2L * (idx % SIZE), (short) 0);
        Memory.putShortRelease(addresses.driver() + 2, (short) (idx + 1));
    }

    private void assertBad(final long address, final int length, final int flags) {
        final RingAddresses addresses = ram.ring(SIZE);
        final DeviceRing device = device(addresses, FEATURES, 0);
        offer(addresses, address, length, flags);
        assertEquals(DeviceRing.BAD, device.next(chain, false));
        device.use(0);
        device.publish();
        assertEquals(1, Memory.getShort(addresses.device() + 2), "a bad chain is given back");
        offer(addresses, GuestRam.BASE, 60, 0);
        assertEquals(DeviceRing.TAKEN, device.next(chain, false), "and the ring goes on");
    }

    @Test
    void descriptorsOutsideTheGuestsMemoryAreBad() {
        assertBad(0xDEAD_0000L, 100, 0);
        assertBad(GuestRam.BASE - 1, 100, 0);
        assertBad(GuestRam.BASE + 2 * GuestRam.SIZE - 10, 11, 0);
        assertBad(GuestRam.BASE, -1, 0);
        assertBad(-1L, 2, 0);
        assertBad(Long.MAX_VALUE, 100, 0);
    }

    @Test
    void wrongDirectionIsBad() {
        assertBad(GuestRam.BASE, 60, Descriptor.WRITE);
    }

    @Test
    void indirectTablesThatBreakTheRulesAreBad() {
        assertBad(GuestRam.BASE, 0, Descriptor.INDIRECT);
        assertBad(GuestRam.BASE, 17, Descriptor.INDIRECT);
        assertBad(GuestRam.BASE, 32, Descriptor.INDIRECT | Descriptor.NEXT);
        assertBad(0xDEAD_0000L, 32, Descriptor.INDIRECT);
        final long table = ram.allocate(32, 16);
        descriptor(ram.host(table), GuestRam.BASE, 16, Descriptor.INDIRECT, 0);
        assertBad(table, 32, Descriptor.INDIRECT);
        descriptor(ram.host(table), GuestRam.BASE, 16, Descriptor.NEXT, 2);
        assertBad(table, 32, Descriptor.INDIRECT);
        descriptor(ram.host(table), GuestRam.BASE, 16, Descriptor.NEXT, 0);
        assertBad(table, 32, Descriptor.INDIRECT);
    }

    @Test
    void indirectTableThatWasNotNegotiatedIsBad() {
        final RingAddresses addresses = ram.ring(SIZE);
        final DeviceRing device = device(addresses, Features.of(Features.VERSION_1), 0);
        final long table = ram.allocate(16, 16);
        descriptor(ram.host(table), GuestRam.BASE, 60, 0, 0);
        offer(addresses, table, 16, Descriptor.INDIRECT);
        assertEquals(DeviceRing.BAD, device.next(chain, false));
    }

    @Test
    void loopsAndFollowersOutsideTheTableAreBad() {
        for (final int next : new int[] {0, 1, SIZE, 0xFFFF}) {
            final RingAddresses addresses = ram.ring(SIZE);
            final DeviceRing device = device(addresses, FEATURES, 0);
            offer(addresses, GuestRam.BASE, 64, Descriptor.NEXT);
            descriptor(addresses.descriptors(), GuestRam.BASE, 64, Descriptor.NEXT, next);
            descriptor(addresses.descriptors() + 16, GuestRam.BASE, 0, Descriptor.NEXT, 0);
            assertEquals(DeviceRing.BAD, device.next(chain, false), "followed by " + next);
        }
    }

    @Test
    void chainAsLongAsTheRingIsGood() {
        final RingAddresses addresses = ram.ring(SIZE);
        final DriverRing driver = DriverRing.create(SIZE, FEATURES, addresses);
        final DeviceRing device = device(addresses, FEATURES, 0);
        final Segments buffers = new Segments();
        for (int i = 0; i < SIZE; i++) {
            buffers.add(GuestRam.BASE + i, 1);
        }
        assertEquals(0, driver.add(buffers, false));
        driver.publish();
        assertEquals(DeviceRing.TAKEN, device.next(chain, false));
        assertEquals(SIZE, chain.totalLength());
    }

    @Test
    void headOutsideTheTableBreaksTheRing() {
        final RingAddresses addresses = ram.ring(SIZE);
        final DeviceRing device = device(addresses, FEATURES, 0);
        Memory.putShort(addresses.driver() + 4, (short) SIZE);
        Memory.putShort(addresses.driver() + 2, (short) 1);
        assertEquals(DeviceRing.BROKEN, device.next(chain, false));
        assertNotNull(device.fault());
    }

    @Test
    void availableIndexThatRunsAwayBreaksTheRing() {
        final RingAddresses addresses = ram.ring(SIZE);
        final DeviceRing device = device(addresses, FEATURES, 0);
        Memory.putShort(addresses.driver() + 2, (short) (SIZE + 1));
        assertEquals(0, device.available());
        assertEquals(DeviceRing.BROKEN, device.next(chain, false));
        assertNotNull(device.fault());
    }

    @Test
    void positionIsKeptOverARestart() {
        final RingAddresses addresses = ram.ring(SIZE);
        final DriverRing driver = DriverRing.create(SIZE, FEATURES, addresses);
        int base = 0;
        for (int i = 0; i < 70_000; i++) {
            final DeviceRing device = device(addresses, FEATURES, base);
            driver.add(GuestRam.BASE, 60, false);
            driver.publish();
            assertEquals(DeviceRing.TAKEN, device.next(chain, false));
            device.use(0);
            device.publish();
            base = device.base();
            assertEquals(i + 1 & 0xFFFF, base);
            assertTrue(driver.poll() >= 0);
        }
    }
}
