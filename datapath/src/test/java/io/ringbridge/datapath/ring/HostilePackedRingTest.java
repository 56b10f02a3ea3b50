package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.testkit.TwoRegionRam;
import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A device with a packed ring whose ids, chains, wrap counters or event structures are invalid. */
class HostilePackedRingTest extends RingFixture {
    private static final long PACKED_FEATURES = FEATURES | PACKED;

    private final HostileDriver driver = new HostileDriver(ram.ring(SIZE), SIZE, PACKED);
    private final DeviceRing device = device(driver.addresses, PACKED_FEATURES);

    private int usedId(final int place) {
        return Memory.getShort(driver.descriptor(place) + 12) & 0xFFFF;
    }

    private void returnChain() {
        device.use(0);
        device.publish();
        assertTrue(driver.reap());
    }

    @Test
    void aBufferIdIsReturnedUnchanged() {
        int place = 0;
        for (final int id : new int[] {0xFFFF, SIZE, 5, 5, 0x8000}) {
            driver.offer(TwoRegionRam.BASE, 60, 0, id);
            assertEquals(DeviceRing.TAKEN, device.next(chain, false));
            returnChain();
            assertEquals(id, usedId(place++), "the id belongs to the driver and is never used as an index");
        }
    }

    @Test
    void aChainWithoutEndBreaksTheRing() {
        for (int i = 0; i < SIZE; i++) {
            driver.offer(TwoRegionRam.BASE, 1, Descriptor.NEXT);
        }
        assertEquals(DeviceRing.BROKEN, device.next(chain, false));
        assertNotNull(device.fault());
        assertEquals(DeviceRing.BROKEN, device.next(chain, false), "the ring stays broken");
    }

    @Test
    void aChainThatReachesAChainInFlightBreaksTheRing() {
        driver.offer(TwoRegionRam.BASE, 1, 0);
        for (int i = 1; i < SIZE; i++) {
            driver.offer(TwoRegionRam.BASE, 1, Descriptor.NEXT);
        }
        assertEquals(DeviceRing.TAKEN, device.next(chain, false));
        assertEquals(DeviceRing.BROKEN, device.next(chain, false));
        assertEquals(1, device.out());
    }

    @Test
    void aChainEndsAtABlankDescriptor() {
        driver.offer(TwoRegionRam.BASE, 60, Descriptor.NEXT);
        assertEquals(DeviceRing.TAKEN, device.next(chain, false));
        assertEquals(60, chain.totalLength());
        assertEquals(0, device.available());
        assertNull(device.fault());
    }

    @Test
    void flagsOfTheOtherRoundDoNotMakeADescriptorAvailable() {
        for (final int flags : new int[] {0, Packed.USED, Packed.AVAIL | Packed.USED}) {
            driver.write(driver.descriptor(0), TwoRegionRam.BASE, 60, flags, 0);
            assertEquals(DeviceRing.EMPTY, device.next(chain, false), "flags " + flags);
        }
        driver.write(driver.descriptor(0), TwoRegionRam.BASE, 60, Packed.AVAIL, 0);
        assertEquals(DeviceRing.TAKEN, device.next(chain, false));
    }

    @Test
    void aDescriptorMadeAvailableAgainWhileInFlightIsNotTakenTwice() {
        for (int i = 0; i < SIZE; i++) {
            driver.offer(TwoRegionRam.BASE, 60, 0, i);
        }
        for (int i = 0; i < SIZE; i++) {
            assertEquals(DeviceRing.TAKEN, device.next(chain, false));
        }
        for (int i = 0; i < SIZE; i++) {
            driver.offer(TwoRegionRam.BASE, 60, 0, i);
        }
        assertEquals(DeviceRing.EMPTY, device.next(chain, false), "all descriptors are in flight");
        device.use(0);
        device.publish();
        assertEquals(DeviceRing.EMPTY, device.next(chain, false), "a used descriptor is not available");
    }

    @Test
    void flagsThatChangeAfterTheAvailabilityCheckAreValidatedAgain() {
        driver.offer(TwoRegionRam.BASE, 60, 0);
        assertEquals(1, device.available());
        driver.write(driver.descriptor(0), 0xDEAD_0000L, 60, 0, 3);
        assertEquals(DeviceRing.BAD, device.next(chain, false));
        returnChain();
        driver.offer(TwoRegionRam.BASE, 60, 0);
        assertEquals(1, device.available());
        for (int i = 0; i < SIZE; i++) {
            driver.write(driver.descriptor(i), TwoRegionRam.BASE, 1, Descriptor.NEXT, 0);
        }
        assertEquals(DeviceRing.BROKEN, device.next(chain, false));
    }

    @Test
    void anIndirectTableAmongOtherDescriptorsMakesTheWholeChainBad() {
        final long table = ram.allocate(16, 16);
        driver.write(ram.host(table), TwoRegionRam.BASE, 60, 0, 0);
        driver.offer(table, 16, Descriptor.INDIRECT | Descriptor.NEXT);
        driver.offer(TwoRegionRam.BASE, 60, 0);
        assertEquals(DeviceRing.BAD, device.next(chain, false));
        driver.offer(TwoRegionRam.BASE, 60, Descriptor.NEXT);
        driver.offer(table, 16, Descriptor.INDIRECT, 9);
        assertEquals(DeviceRing.BAD, device.next(chain, false));
        device.use(0);
        device.use(0);
        device.publish();
        assertEquals(9, usedId(2), "both descriptors of each were taken");
        driver.offer(table, 16, Descriptor.INDIRECT);
        assertEquals(DeviceRing.TAKEN, device.next(chain, false));
    }

    /** DPDK's driver marks headers like this. Buffers after the header must have the right direction. */
    @Test
    void aHeaderMarkedWritableInAnIndirectTableIsRead() {
        final long table = ram.allocate(32, 16);
        driver.write(ram.host(table), TwoRegionRam.BASE, 12, Descriptor.WRITE, 0);
        driver.write(ram.host(table + 16), TwoRegionRam.BASE + 500, 60, 0, 0);
        driver.offer(table, 32, Descriptor.INDIRECT);
        assertEquals(DeviceRing.TAKEN, device.next(chain, false));
        assertEquals(72, chain.totalLength());
        driver.write(ram.host(table + 16), TwoRegionRam.BASE + 500, 60, Descriptor.WRITE, 0);
        driver.offer(table, 32, Descriptor.INDIRECT);
        assertEquals(DeviceRing.BAD, device.next(chain, false));
        driver.write(ram.host(table), TwoRegionRam.BASE, 12, 0, 0);
        driver.offer(table, 32, Descriptor.INDIRECT);
        assertEquals(DeviceRing.BAD, device.next(chain, true), "a receive buffer is read-only");
    }

    @Test
    void anIndirectTableAsLargeAsMemoryIsBad() {
        driver.offer(TwoRegionRam.BASE, -16, Descriptor.INDIRECT);
        assertEquals(DeviceRing.BAD, device.next(chain, false));
    }

    @Test
    void anInvalidEventStructureDoesNotStopTheRing() {
        final DeviceRing withEvents = device(driver.addresses, PACKED_FEATURES | Features.of(Features.EVENT_IDX));
        for (final int request : new int[] {0x2_7FFF, 0x2_FFFF, 0x2_0000 | SIZE, 0x3_0000, 0xFFFF_FFFF, 0x1_8000, 0}) {
            Memory.putInt(driver.addresses.driver(), request);
            driver.offer(TwoRegionRam.BASE, 60, 0);
            assertEquals(DeviceRing.TAKEN, withEvents.next(chain, false));
            withEvents.use(0);
            final boolean notified = publishAndCheck(withEvents);
            assertTrue(driver.reap());
            if ((request >>> 16 & 3) == Packed.EVENT_NEVER) {
                assertFalse(notified);
            } else if ((request >>> 16 & 3) != Packed.EVENT_AT) {
                assertTrue(notified, "reserved event flags count as always");
            }
        }
        assertNull(withEvents.fault());
    }
}
