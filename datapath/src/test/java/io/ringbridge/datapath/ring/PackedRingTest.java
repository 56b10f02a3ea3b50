package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.testkit.TwoRegionRam;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.SplittableRandom;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Properties of packed rings only: arbitrary sizes, chains across the end, buffer ids, and events at a descriptor. */
class PackedRingTest extends RingFixture {
    private static final long EVENTS = FEATURES | PACKED | Features.of(Features.EVENT_IDX);

    /** Adds a chain of {@code pieces} pieces, or fails. */
    private static void add(final DriverRing driver, final int pieces) {
        final Segments buffers = new Segments();
        for (int i = 0; i < pieces; i++) {
            buffers.add(TwoRegionRam.BASE + 10L * i, 10);
        }
        assertTrue(driver.add(buffers, false) >= 0);
    }

    /**
     * Returns the event suppression word for a descriptor. The position counts from the start of the ring over all
     * rounds; the wrap counter of the first round is 1.
     */
    private static int event(final long position, final int size) {
        return Packed.EVENT_AT << 16 | (position / size % 2 == 0 ? Packed.WRAP : 0) | (int) (position % size);
    }

    /** Returns a random position within one round of a side's future position. */
    private static long around(final long now, final int size, final SplittableRandom random) {
        return Math.max(0, now - size + random.nextInt(2 * size));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 64, 250, 32768})
    void theDeviceNotifiesExactlyWhenItPassesTheRequestedDescriptor(final int size) {
        final RingAddresses addresses = ram.ring(size);
        final DriverRing driver = DriverRing.create(size, EVENTS, addresses);
        final DeviceRing device = device(addresses, size, EVENTS, DriverRing.freshBase(EVENTS));
        final SplittableRandom random = new SplittableRandom(size);
        long used = 0;
        int notified = 0;
        for (int i = 0; i < 2000; i++) {
            final int pieces = 1 + random.nextInt(Math.min(size, Segments.MAX_SEGMENTS));
            add(driver, pieces);
            driver.publish();
            assertEquals(DeviceRing.TAKEN, device.next(chain, false));
            device.use(0);
            final long now = used + pieces;
            final long requested = around(now, size, random);
            Memory.putInt(addresses.driver(), event(requested, size));
            final boolean expected = requested >= used && requested < now;
            assertEquals(expected, publishAndCheck(device), "from " + used + " to " + now + ", requested " + requested);
            assertTrue(driver.poll() >= 0);
            used = now;
            notified += expected ? 1 : 0;
        }
        assertTrue(notified > 0);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 64, 250, 32768})
    void theDriverKicksExactlyWhenItPassesTheRequestedDescriptor(final int size) {
        final RingAddresses addresses = ram.ring(size);
        final DriverRing driver = DriverRing.create(size, EVENTS, addresses);
        final DeviceRing device = device(addresses, size, EVENTS, DriverRing.freshBase(EVENTS));
        final SplittableRandom random = new SplittableRandom(size);
        long published = 0;
        int notified = 0;
        for (int i = 0; i < 2000; i++) {
            final int pieces = 1 + random.nextInt(Math.min(size, Segments.MAX_SEGMENTS));
            add(driver, pieces);
            final long now = published + pieces;
            final long requested = around(now, size, random);
            Memory.putInt(addresses.device(), event(requested, size));
            final boolean expected = requested >= published && requested < now;
            assertEquals(expected, driver.publish(), "from " + published + " to " + now + ", requested " + requested);
            assertEquals(DeviceRing.TAKEN, device.next(chain, false));
            device.use(0);
            device.publish();
            assertTrue(driver.poll() >= 0);
            published = now;
            notified += expected ? 1 : 0;
        }
        assertTrue(notified > 0);
    }

    @ParameterizedTest
    @ValueSource(ints = {3, 5, 250})
    void anArmedDeviceIsKickedForTheNextChain(final int size) {
        final RingAddresses addresses = ram.ring(size);
        final DriverRing driver = DriverRing.create(size, EVENTS, addresses);
        final DeviceRing device = device(addresses, size, EVENTS, DriverRing.freshBase(EVENTS));
        for (int i = 0; i < 3 * size; i++) {
            device.armKicks();
            add(driver, 2);
            assertTrue(driver.publish(), "a kick was requested");
            assertTrue(device.armKicks(), "a chain is available already");
            driver.wantNotification(true);
            assertEquals(DeviceRing.TAKEN, device.next(chain, false));
            device.use(0);
            assertTrue(publishAndCheck(device), "a notification was requested");
            assertTrue(driver.wantNotification(true), "a chain is used already");
            assertTrue(driver.poll() >= 0);
        }
    }

    @Test
    void aUsedDescriptorIsInTheChainsFirstPlaceAndHasItsLastId() {
        final HostileDriver driver = new HostileDriver(ram.ring(SIZE), SIZE, PACKED);
        final DeviceRing device = device(driver.addresses, FEATURES | PACKED);
        driver.offer(TwoRegionRam.BASE, 10, Descriptor.NEXT, 7);
        driver.offer(TwoRegionRam.BASE, 20, Descriptor.NEXT, 8);
        driver.offer(TwoRegionRam.BASE, 30, 0, 9);
        driver.offer(TwoRegionRam.BASE, 40, 0, 10);
        assertEquals(DeviceRing.TAKEN, device.next(chain, false));
        assertEquals(60, chain.totalLength());
        assertEquals(DeviceRing.TAKEN, device.next(chain, false));
        device.use(0);
        device.use(0);
        device.publish();
        assertUsed(driver, 0, 9);
        assertUsed(driver, 3, 10);
        assertTrue(Packed.isAvailable(Memory.getShort(driver.descriptor(1) + Packed.FLAGS), true),
            "nothing is written between the two");
    }

    private static void assertUsed(final HostileDriver driver, final int place, final int id) {
        assertTrue(Packed.isUsed(Memory.getShort(driver.descriptor(place) + Packed.FLAGS), true));
        assertEquals(id, Memory.getShort(driver.descriptor(place) + 12));
    }

    @ParameterizedTest
    @ValueSource(ints = {3, 5, 7, 250, 32767})
    void chainsWrapAroundTheEndOfTheRing(final int size) {
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
            device.returnUnused(1);
            device.publish();
            assertTrue(driver.poll() >= 0);
            around += position + pieces > size ? 1 : 0;
            position = (position + pieces) % size;
            assertEquals(position, device.base() & Packed.WRAP - 1);
            device = device(addresses, size, features, device.base());
        }
        assertTrue(around > 3, around + " chains wrapped around the end");
    }
}
