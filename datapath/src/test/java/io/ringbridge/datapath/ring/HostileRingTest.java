package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

/** What a device makes of a split ring whose driver breaks the rules. */
class HostileRingTest {
    private static final long FEATURES = Features.of(Features.VERSION_1, Features.INDIRECT_DESC);
    private static final int SIZE = 64;

    private final GuestRam ram = new GuestRam();
    private final Segments chain = new Segments();

    @AfterEach
    void close() {
        ram.close();
    }

    private DeviceRing device(final RingAddresses addresses, final long features) {
        return DeviceRing.create(new RingConfig(SIZE, features, addresses, 0, ram.memory));
    }

    @Test
    void indirectTableMayLieAcrossRegions() {
        final RingAddresses addresses = ram.ring(SIZE);
        final DeviceRing device = device(addresses, FEATURES);
        final long table = GuestRam.BASE + GuestRam.SIZE - 16;
        descriptor(ram.host(table), GuestRam.BASE, 100, Descriptor.NEXT, 1);
        descriptor(ram.host(table + 16), GuestRam.BASE + 500, 50, 0, 0);
        offer(addresses, table, 32, Descriptor.INDIRECT);
        assertEquals(DeviceRing.TAKEN, device.next(chain, false));
        assertEquals(2, chain.count());
        assertEquals(150, chain.totalLength());
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
        final DeviceRing device = device(addresses, FEATURES);
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
        final DeviceRing device = device(addresses, Features.of(Features.VERSION_1));
        final long table = ram.allocate(16, 16);
        descriptor(ram.host(table), GuestRam.BASE, 60, 0, 0);
        offer(addresses, table, 16, Descriptor.INDIRECT);
        assertEquals(DeviceRing.BAD, device.next(chain, false));
    }

    @Test
    void loopsAndFollowersOutsideTheTableAreBad() {
        for (final int next : new int[] {0, 1, SIZE, 0xFFFF}) {
            final RingAddresses addresses = ram.ring(SIZE);
            final DeviceRing device = device(addresses, FEATURES);
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
        final DeviceRing device = device(addresses, FEATURES);
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
        final DeviceRing device = device(addresses, FEATURES);
        Memory.putShort(addresses.driver() + 4, (short) SIZE);
        Memory.putShort(addresses.driver() + 2, (short) 1);
        assertEquals(DeviceRing.BROKEN, device.next(chain, false));
        assertNotNull(device.fault());
    }

    @Test
    void availableIndexThatRunsAwayBreaksTheRing() {
        final RingAddresses addresses = ram.ring(SIZE);
        final DeviceRing device = device(addresses, FEATURES);
        Memory.putShort(addresses.driver() + 2, (short) (SIZE + 1));
        assertEquals(0, device.available());
        assertEquals(DeviceRing.BROKEN, device.next(chain, false));
        assertNotNull(device.fault());
    }
}
