package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.testkit.TwoRegionRam;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.SplittableRandom;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A device whose driver breaks the rules that both layouts share. */
class HostileRingTest extends RingFixture {
    private HostileDriver driver(final long layout) {
        return new HostileDriver(ram.ring(SIZE), SIZE, layout);
    }

    private void assertBad(final long layout, final long address, final int length, final int flags) {
        final HostileDriver driver = driver(layout);
        final DeviceRing device = device(driver.addresses, FEATURES | layout);
        driver.offer(address, length, flags);
        assertEquals(DeviceRing.BAD, device.next(chain, false));
        assertFalse(driver.reap());
        device.use(0);
        device.publish();
        assertTrue(driver.reap(), "a bad chain is returned");
        driver.offer(TwoRegionRam.BASE, 60, 0);
        assertEquals(DeviceRing.TAKEN, device.next(chain, false), "the ring still works");
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void descriptorsOutsideTheGuestsMemoryAreBad(final long layout) {
        assertBad(layout, 0xDEAD_0000L, 100, 0);
        assertBad(layout, TwoRegionRam.BASE - 1, 100, 0);
        assertBad(layout, TwoRegionRam.BASE + 2 * TwoRegionRam.SIZE - 10, 11, 0);
        assertBad(layout, TwoRegionRam.BASE, -1, 0);
        assertBad(layout, -1L, 2, 0);
        assertBad(layout, Long.MAX_VALUE, 100, 0);
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void aBufferOfTheWrongDirectionIsBad(final long layout) {
        assertBad(layout, TwoRegionRam.BASE, 60, Descriptor.WRITE);
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void aBufferOfLengthZeroMakesAnEmptyChain(final long layout) {
        final HostileDriver driver = driver(layout);
        final DeviceRing device = device(driver.addresses, FEATURES | layout);
        driver.offer(0xDEAD_0000L, 0, 0);
        assertEquals(DeviceRing.TAKEN, device.next(chain, false));
        assertEquals(0, chain.count());
        assertEquals(0, chain.totalLength());
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void indirectTablesThatBreakTheRulesAreBad(final long layout) {
        for (final int bytes : new int[] {0, 1, 15, 17, 33, -1}) {
            assertBad(layout, TwoRegionRam.BASE, bytes, Descriptor.INDIRECT);
        }
        assertBad(layout, 0xDEAD_0000L, 32, Descriptor.INDIRECT);
        final HostileDriver driver = driver(layout);
        final long atTheEnd = TwoRegionRam.BASE + 2 * TwoRegionRam.SIZE - 16;
        driver.write(ram.host(atTheEnd), TwoRegionRam.BASE, 16, Descriptor.NEXT, 1);
        assertBad(layout, atTheEnd, 32, Descriptor.INDIRECT);
        final long table = ram.allocate(32, 16);
        driver.write(ram.host(table), TwoRegionRam.BASE, 16, Descriptor.INDIRECT, 0);
        assertBad(layout, table, 16, Descriptor.INDIRECT);
        driver.write(ram.host(table), TwoRegionRam.BASE, 16, Descriptor.WRITE, 0);
        assertBad(layout, table, 16, Descriptor.INDIRECT);
        driver.write(ram.host(table), 0xDEAD_0000L, 16, 0, 0);
        assertBad(layout, table, 16, Descriptor.INDIRECT);
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void anIndirectTableWithoutTheFeatureIsBad(final long layout) {
        final HostileDriver driver = driver(layout);
        final DeviceRing device = device(driver.addresses, Features.of(Features.VERSION_1) | layout);
        final long table = ram.allocate(16, 16);
        driver.write(ram.host(table), TwoRegionRam.BASE, 60, 0, 0);
        driver.offer(table, 16, Descriptor.INDIRECT);
        assertEquals(DeviceRing.BAD, device.next(chain, false));
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void anIndirectTableMaySpanRegions(final long layout) {
        final HostileDriver driver = driver(layout);
        final DeviceRing device = device(driver.addresses, FEATURES | layout);
        final long table = TwoRegionRam.BASE + TwoRegionRam.SIZE - 16;
        driver.write(ram.host(table), TwoRegionRam.BASE, 100, Descriptor.NEXT, 1);
        driver.write(ram.host(table + 16), TwoRegionRam.BASE + 500, 50, 0, 0);
        driver.offer(table, 32, Descriptor.INDIRECT);
        assertEquals(DeviceRing.TAKEN, device.next(chain, false));
        assertEquals(2, chain.count());
        assertEquals(150, chain.totalLength());
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void anIndirectTableWithTooManyPiecesIsBad(final long layout) {
        final int entries = Segments.MAX_SEGMENTS + 1;
        final long table = ram.allocate(16L * entries, 16);
        final HostileDriver writer = driver(layout);
        for (int i = 0; i < entries; i++) {
            final boolean last = i == entries - 1;
            writer.write(ram.host(table) + 16L * i, TwoRegionRam.BASE, 1, last ? 0 : Descriptor.NEXT, last ? 0 : i + 1);
        }
        assertBad(layout, table, 16 * entries, Descriptor.INDIRECT);
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void aChainAsLongAsTheRingIsTaken(final long layout) {
        final RingAddresses addresses = ram.ring(SIZE);
        final DriverRing driver = DriverRing.create(SIZE, FEATURES | layout, addresses);
        final DeviceRing device = device(addresses, FEATURES | layout);
        final Segments buffers = new Segments();
        for (int i = 0; i < SIZE; i++) {
            buffers.add(TwoRegionRam.BASE + i, 1);
        }
        assertTrue(driver.add(buffers, false) >= 0);
        driver.publish();
        assertEquals(DeviceRing.TAKEN, device.next(chain, false));
        assertEquals(SIZE, chain.totalLength());
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void randomWritesNeverLeadOutsideGuestMemory(final long layout) {
        final long features = FEATURES | layout | Features.of(Features.EVENT_IDX, Features.IN_ORDER);
        final SplittableRandom random = new SplittableRandom(11);
        int taken = 0;
        for (int ring = 0; ring < 300; ring++) {
            final HostileDriver driver = driver(layout);
            final DeviceRing device = device(driver.addresses, features);
            for (int round = 0; round < 200 && device.fault() == null; round++) {
                scribble(driver, random);
                final int result = device.next(chain, false);
                if (result == DeviceRing.TAKEN) {
                    taken++;
                    assertInside();
                }
                scribble(driver, random);
                if (device.out() > 0 && random.nextInt(4) == 0) {
                    device.returnUnused(1 + random.nextInt(device.out()));
                } else if (device.out() > 0 && random.nextInt(8) == 0) {
                    device.rewind(1);
                }
                publishAndCheck(device);
                device.armKicks();
                assertTrue(device.out() >= 0 && device.out() <= SIZE, () -> device.out() + " chains in flight");
            }
        }
        assertTrue(taken > 1000, "only " + taken + " chains were valid");
    }

    /** Makes a chain available that is probably valid, then writes random values to the driver's parts of the ring. */
    private static void scribble(final HostileDriver driver, final SplittableRandom random) {
        driver.offer(TwoRegionRam.BASE + random.nextInt(1 << 20), random.nextInt(2000),
            random.nextInt(8) == 0 ? random.nextInt(8) : 0, random.nextInt(SIZE + 2));
        for (int i = random.nextInt(3); i > 0; i--) {
            final long descriptor = driver.descriptor(random.nextInt(SIZE));
            Memory.putShort(descriptor + 12, (short) random.nextInt());
            Memory.putShort(descriptor + 14, (short) random.nextInt());
        }
        if (random.nextInt(4) == 0) {
            final long event = driver.addresses.device();
            Memory.putInt(event, Memory.getInt(event) ^ random.nextInt(4) << 14);
        }
        if (random.nextInt(200) == 0) {
            Memory.putInt(driver.addresses.driver(), random.nextInt());
        }
    }

    private void assertInside() {
        for (int i = 0; i < chain.count(); i++) {
            final long from = chain.address(i);
            final long to = from + chain.length(i);
            assertTrue(chain.length(i) > 0
                && (from >= ram.low.hostAddress() && to <= ram.low.hostAddress() + TwoRegionRam.SIZE
                || from >= ram.high.hostAddress() && to <= ram.high.hostAddress() + TwoRegionRam.SIZE));
        }
    }
}
