package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.testkit.TwoRegionRam;
import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

/** A device with a split ring whose next fields, heads or indices are invalid. */
class HostileSplitRingTest extends RingFixture {
    private final HostileDriver driver = new HostileDriver(ram.ring(SIZE), SIZE, 0);
    private final DeviceRing device = device(driver.addresses, FEATURES);

    @Test
    void loopsAndNextFieldsOutsideTheTableAreBad() {
        for (final int next : new int[] {0, 1, SIZE, 0xFFFF}) {
            driver.offer(TwoRegionRam.BASE, 64, Descriptor.NEXT, next);
            driver.write(driver.descriptor(1), TwoRegionRam.BASE, 0, Descriptor.NEXT, 0);
            assertEquals(DeviceRing.BAD, device.next(chain, false), "next descriptor " + next);
        }
    }

    @Test
    void anIndirectTableWithANextDescriptorIsBad() {
        final long table = ram.allocate(32, 16);
        driver.write(ram.host(table), TwoRegionRam.BASE, 16, 0, 0);
        driver.offer(table, 32, Descriptor.INDIRECT | Descriptor.NEXT, 1);
        assertEquals(DeviceRing.BAD, device.next(chain, false));
    }

    @Test
    void anIndirectTableThatLoopsOrLeavesItsBoundsIsBad() {
        final long table = ram.allocate(32, 16);
        for (final int next : new int[] {0, 2, 0xFFFF}) {
            driver.write(ram.host(table), TwoRegionRam.BASE, 16, Descriptor.NEXT, next);
            driver.offer(table, 32, Descriptor.INDIRECT);
            assertEquals(DeviceRing.BAD, device.next(chain, false), "next descriptor " + next);
        }
    }

    @Test
    void aHeadOutsideTheTableBreaksTheRing() {
        Memory.putShort(driver.addresses.driver() + 4, (short) SIZE);
        Memory.putShort(driver.addresses.driver() + 2, (short) 1);
        assertEquals(DeviceRing.BROKEN, device.next(chain, false));
        assertNotNull(device.fault());
    }

    @Test
    void anAvailableIndexTooFarAheadBreaksTheRing() {
        Memory.putShort(driver.addresses.driver() + 2, (short) (SIZE + 1));
        assertEquals(0, device.available());
        assertEquals(DeviceRing.BROKEN, device.next(chain, false));
        assertNotNull(device.fault());
    }
}
