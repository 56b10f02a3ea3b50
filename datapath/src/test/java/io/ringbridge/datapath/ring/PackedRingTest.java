package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.SplittableRandom;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What only packed rings have: sizes of any kind, chains around the end, buffer ids, and events at a descriptor. */
class PackedRingTest extends RingFixture {
    private static final long EVENTS = FEATURES | PACKED | Features.of(Features.EVENT_IDX);

    /** Adds a chain of so many pieces, or fails. */
    private static void add(final DriverRing driver, final int pieces) {
        final Segments buffers = new Segments();
        for (int i = 0; i < pieces; i++) {
            buffers.add(GuestRam.BASE + 10L * i, 10);
        }
        assertTrue(driver.add(buffers, false) >= 0);
    }

    /** An event at a descriptor, counted from the ring's beginning over all rounds; the first round's wrap counter is 1. */
    private static int event(final long position, final int size) {
        return Packed.EVENT_AT << 16 | (position / size % 2 == 0 ? Packed.WRAP : 0) | (int) (position % size);
    }

    /** A descriptor within a round of where a side is going to be. */
    private static long around(final long now, final int size, final SplittableRandom random) {
        return Math.max(0, now - size + random.nextInt(2 * size));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 64, 250, 32768})
    void deviceNotifiesExactlyWhenItPassesTheDescriptorAskedFor(final int size) {
        final RingAddresses addresses = ram.ring(size);
        final DriverRing driver = DriverRing.create(size, EVENTS, addresses);
        final DeviceRing device = device(addresses, size, EVENTS, DriverRing.freshBase(EVENTS));
        final SplittableRandom random = new SplittableRandom(size);
        long used = 0;
        int told = 0;
        for (int i = 0; i < 2000; i++) {
            final int pieces = 1 + random.nextInt(Math.min(size, Segments.MAX_SEGMENTS));
            add(driver, pieces);
            driver.publish();
            assertEquals(DeviceRing.TAKEN, device.next(chain, false));
            device.use(0);
            final long now = used + pieces;
            final long asked = around(now, size, random);
            Memory.putInt(addresses.driver(), event(asked, size));
            final boolean expected = asked >= used && asked < now;
            assertEquals(expected, shown(device), "from " + used + " to " + now + ", asked for " + asked);
            assertTrue(driver.poll() >= 0);
            used = now;
            told += expected ? 1 : 0;
        }
        assertTrue(told > 0);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 64, 250, 32768})
    void driverKicksExactlyWhenItPassesTheDescriptorAskedFor(final int size) {
        final RingAddresses addresses = ram.ring(size);
        final DriverRing driver = DriverRing.create(size, EVENTS, addresses);
        final DeviceRing device = device(addresses, size, EVENTS, DriverRing.freshBase(EVENTS));
        final SplittableRandom random = new SplittableRandom(size);
        long shown = 0;
        int told = 0;
        for (int i = 0; i < 2000; i++) {
            final int pieces = 1 + random.nextInt(Math.min(size, Segments.MAX_SEGMENTS));
            add(driver, pieces);
            final long now = shown + pieces;
            final long asked = around(now, size, random);
            Memory.putInt(addresses.device(), event(asked, size));
            final boolean expected = asked >= shown && asked < now;
            assertEquals(expected, driver.publish(), "from " + shown + " to " + now + ", asked for " + asked);
            assertEquals(DeviceRing.TAKEN, device.next(chain, false));
            device.use(0);
            device.publish();
            assertTrue(driver.poll() >= 0);
            shown = now;
            told += expected ? 1 : 0;
        }
        assertTrue(told > 0);
    }

    @ParameterizedTest
    @ValueSource(ints = {3, 5, 250})
    void armedDeviceIsKickedForTheNextChainAndSuppressedIsNot(final int size) {
        final RingAddresses addresses = ram.ring(size);
        final DriverRing driver = DriverRing.create(size, EVENTS, addresses);
        final DeviceRing device = device(addresses, size, EVENTS, DriverRing.freshBase(EVENTS));
        for (int i = 0; i < 3 * size; i++) {
            device.armKicks();
            add(driver, 2);
            assertTrue(driver.publish(), "a kick is asked for");
            assertTrue(device.armKicks(), "what is there already is told");
            driver.wantNotification(true);
            assertEquals(DeviceRing.TAKEN, device.next(chain, false));
            device.use(0);
            assertTrue(shown(device), "a notification is asked for");
            assertTrue(driver.wantNotification(true), "what is used already is told");
            assertTrue(driver.poll() >= 0);
        }
    }

    @Test
    void usedDescriptorHasTheIdOfTheChainsLastAndIsAtItsFirst() {
        final HostileDriver driver = new HostileDriver(ram.ring(SIZE), SIZE, PACKED);
        final DeviceRing device = device(driver.addresses, FEATURES | PACKED);
        driver.offer(GuestRam.BASE, 10, Descriptor.NEXT, 7);
        driver.offer(GuestRam.BASE, 20, Descriptor.NEXT, 8);
        driver.offer(GuestRam.BASE, 30, 0, 9);
        driver.offer(GuestRam.BASE, 40, 0, 10);
        assertEquals(DeviceRing.TAKEN, device.next(chain, false));
        assertEquals(60, chain.totalLength());
        assertEquals(DeviceRing.TAKEN, device.next(chain, false));
        device.use(0);
        device.use(0);
        device.publish();
        assertUsed(driver, 0, 9);
        assertUsed(driver, 3, 10);
        assertTrue(Packed.isAvailable(Memory.getShort(driver.descriptor(1) + Packed.FLAGS), true), "between the two nothing is written");
    }

    private static void assertUsed(final HostileDriver driver, final int place, final int id) {
        assertTrue(Packed.isUsed(Memory.getShort(driver.descriptor(place) + Packed.FLAGS), true));
        assertEquals(id, Memory.getShort(driver.descriptor(place) + 12));
    }

    @ParameterizedTest
    @ValueSource(ints = {3, 5, 7, 250, 32767})
    void chainsLieAroundTheEnd(final int size) {
        final RingAddresses addresses = ram.ring(size);
        final long features = FEATURES | PACKED;
        final DriverRing driver = DriverRing.create(size, features, addresses);
        DeviceRing device = device(addresses, size, features, DriverRing.freshBase(features));
        final SplittableRandom random = new SplittableRandom(size);
        int around = 0;
        int position = 0;
        for (int i = 0; i < 1000; i++) {
            final int pieces = 1 + random.nextInt(Math.min(size, Segments.MAX_SEGMENTS));
            add(driver, pieces);
            driver.publish();
            assertEquals(DeviceRing.TAKEN, device.next(chain, false));
            assertEquals(10 * pieces, chain.totalLength());
            device.giveBack(1);
            device.publish();
            assertTrue(driver.poll() >= 0);
            around += position + pieces > size ? 1 : 0;
            position = (position + pieces) % size;
            assertEquals(position, device.base() & Packed.WRAP - 1);
            device = device(addresses, size, features, device.base());
        }
        assertTrue(around > 3, around + " chains lay around the end");
    }
}
