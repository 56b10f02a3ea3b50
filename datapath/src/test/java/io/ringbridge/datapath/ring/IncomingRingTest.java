package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.IncomingMemory;
import io.ringbridge.datapath.memory.IncomingRegion;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.datapath.os.Userfault;
import io.ringbridge.testkit.TwoRegionRam;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/**
 * Rings in memory some of whose pages have not arrived. Chains wait for their pages. A page arrives when another
 * mapping of its file is written to; this test writes to the region's first mapping.
 */
@Timeout(60)
class IncomingRingTest extends RingFixture {
    private static final int PAGE = Memory.pageSize();
    private static final int RING = 7;

    private final List<Long> requested = new ArrayList<>();
    private Userfault faults;
    private IncomingRegion low;
    private IncomingRegion high;
    private GuestMemory memory;
    private long pages;

    @BeforeEach
    void watch() {
        final String problem = Userfault.problem();
        assumeTrue(problem == null, problem);
        faults = Userfault.open();
        low = IncomingRegion.watch(ram.low, faults);
        high = IncomingRegion.watch(ram.high, faults);
        memory = ram.memory.withIncoming(new IncomingMemory(List.of(low, high), (ring, address) -> {
            assertEquals(RING, ring);
            requested.add(address & -PAGE);
        }));
        pages = ram.allocate(64L * PAGE, PAGE);
    }

    @AfterEach
    void closeRegions() {
        if (faults != null) {
            low.close();
            high.close();
            faults.close();
        }
    }

    private DeviceRing incoming(final RingAddresses addresses, final long layout) {
        return DeviceRing.create(
            new RingConfig(SIZE, FEATURES | layout, addresses, DriverRing.freshBase(layout), memory));
    }

    private void arrive(final long guestAddress) {
        Memory.putByte(ram.host(guestAddress), (byte) 1);
    }

    private void assertRequests(final DeviceRing device, final long... guestAddresses) {
        device.missingPage().request(RING);
        device.missingPage().request(RING);
        final List<Long> wanted = new ArrayList<>();
        for (final long address : guestAddresses) {
            wanted.add(ram.host(address) & -PAGE);
        }
        assertEquals(wanted, requested);
        requested.clear();
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void aChainWaitsForItsPageWhichIsRequestedOnce(final long layout) {
        final RingAddresses addresses = ram.ring(SIZE);
        final DriverRing driver = DriverRing.create(SIZE, FEATURES | layout, addresses);
        final DeviceRing device = incoming(addresses, layout);
        final int base = device.base();
        arrive(pages);
        driver.add(pages + 100, 60, false);
        driver.add(pages + PAGE + 100, 60, false);
        driver.publish();
        assertEquals(1, device.nextPlain(new long[2], new int[2], 0, 2, false), "only one page has arrived");
        device.rewind(1);
        assertEquals(DeviceRing.TAKEN, device.next(chain, false));
        for (int i = 0; i < 3; i++) {
            assertEquals(DeviceRing.EMPTY, device.next(chain, false));
            assertTrue(device.isWaiting());
            assertTrue(device.lacksPage());
            assertFalse(device.lacksTranslation());
            assertEquals(1, device.out(), "the earlier chain stays in flight");
            if (i == 0) {
                assertRequests(device, pages + PAGE);
            } else {
                assertRequests(device);
            }
        }
        device.missingPage().arrived();
        assertEquals(DeviceRing.EMPTY, device.next(chain, false), "the page was reported but has not arrived");
        assertRequests(device, pages + PAGE);
        arrive(pages + PAGE);
        device.missingPage().arrived();
        assertFalse(device.isWaiting());
        assertEquals(DeviceRing.TAKEN, device.next(chain, false));
        assertEquals(ram.host(pages + PAGE + 100), chain.address(0));
        device.rewind(2);
        assertEquals(base, device.base());
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void aBadChainDoesNotWait(final long layout) {
        final RingAddresses addresses = ram.ring(SIZE);
        final DriverRing driver = DriverRing.create(SIZE, FEATURES | layout, addresses);
        final DeviceRing device = incoming(addresses, layout);
        arrive(pages);
        driver.add(pages, 60, true);
        driver.add(TwoRegionRam.BASE + 2 * TwoRegionRam.SIZE - 10, 20, false);
        driver.publish();
        assertEquals(DeviceRing.BAD, device.next(chain, false), "wrong direction");
        assertEquals(DeviceRing.EMPTY, device.next(chain, false));
        assertRequests(device, TwoRegionRam.BASE + 2 * TwoRegionRam.SIZE - 10);
        arrive(TwoRegionRam.BASE + 2 * TwoRegionRam.SIZE - 10);
        device.missingPage().arrived();
        assertEquals(DeviceRing.BAD, device.next(chain, false), "beyond the end of memory");
        assertFalse(device.isWaiting());
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void indirectTablesAreRequestedBeforeTheyAreRead(final long layout) {
        final RingAddresses addresses = ram.ring(SIZE);
        final DeviceRing device = incoming(addresses, layout);
        final long table = pages + PAGE - 24; // its second descriptor spans two pages
        final DriverRing driver = DriverRing.create(SIZE, FEATURES | layout, addresses);
        driver.add(table, 32, false);
        driver.publish();
        final boolean packed = packed(FEATURES | layout);
        final long flags = addresses.descriptors() + (packed ? 14 : 12);
        Memory.putShort(flags, (short) (Memory.getShort(flags) | Descriptor.INDIRECT));
        assertEquals(DeviceRing.EMPTY, device.next(chain, false));
        assertRequests(device, table);
        device.missingPage().arrived();
        for (int i = 0; i < 2; i++) {
            final long descriptor = ram.host(table) + 16L * i;
            if (i == 1) {
                assertEquals(DeviceRing.EMPTY, device.next(chain, false));
                assertRequests(device, pages + 10L * PAGE);
                arrive(pages + 10L * PAGE);
                device.missingPage().arrived();
                assertEquals(DeviceRing.EMPTY, device.next(chain, false));
                assertRequests(device, table + 24);
            }
            Memory.putLong(descriptor, pages + (10L + i) * PAGE);
            Memory.putInt(descriptor + 8, 100);
            Memory.putInt(descriptor + 12, packed || i == 1 ? 0 : Descriptor.NEXT | 1 << 16);
        }
        device.missingPage().arrived();
        assertEquals(DeviceRing.EMPTY, device.next(chain, false));
        assertRequests(device, pages + 11L * PAGE);
        arrive(pages + 11L * PAGE);
        device.missingPage().arrived();
        assertEquals(DeviceRing.TAKEN, device.next(chain, false));
        assertEquals(200, chain.totalLength());
    }

    @Test
    void aBigEndianRingWaitsToo() {
        aBigEndianRingWaits(null);
    }

    @Test
    void aBigEndianRingDoesNotRecordAWaitingChain() {
        final long bytes = InflightArea.bytes(1, SIZE, false);
        try (MemFd records = MemFd.create("inflight", bytes);
             InflightArea area = InflightArea.map(Fd.duplicate(records.fd()), 0, bytes, 1, SIZE)) {
            final InflightRegion record = area.region(0, SIZE, false);
            final DeviceRing device = aBigEndianRingWaits(record);
            assertEquals(1, Memory.getByte(record.address() + 16), "the chain is in flight");
            device.rewind(1);
            assertEquals(DeviceRing.TAKEN, device.next(chain, false));
            device.use(0);
            device.publish();
            assertEquals(0, Memory.getByte(record.address() + 16));
        }
    }

    private DeviceRing aBigEndianRingWaits(final InflightRegion record) {
        final RingAddresses addresses = ram.ring(SIZE);
        final DeviceRing device = DeviceRing.create(new RingConfig(SIZE, 0, addresses, 0, memory, record, true));
        Memory.putLong(addresses.descriptors(), Long.reverseBytes(pages + PAGE - 50));
        Memory.putInt(addresses.descriptors() + 8, Integer.reverseBytes(100));
        Memory.putShort(addresses.driver() + 2, Short.reverseBytes((short) 1));
        assertEquals(DeviceRing.EMPTY, device.next(chain, false));
        assertRequests(device, pages);
        arrive(pages);
        device.missingPage().arrived();
        assertEquals(DeviceRing.EMPTY, device.next(chain, false));
        assertRequests(device, pages + PAGE);
        assertEquals(0, device.out());
        assertEquals(0, record == null ? 0 : Memory.getByte(record.address() + 16), "the chain is not in flight");
        arrive(pages + PAGE);
        device.missingPage().arrived();
        assertEquals(DeviceRing.TAKEN, device.next(chain, false));
        assertEquals(100, chain.totalLength());
        assertEquals(1, device.out());
        return device;
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void chainsAreTheSameAsInMemoryThatIsPresent(final long layout) {
        final long seed = System.nanoTime();
        final SplittableRandom random = new SplittableRandom(seed);
        final RingAddresses addresses = ram.ring(SIZE);
        final DriverRing driver = DriverRing.create(SIZE, FEATURES | layout, addresses);
        final DeviceRing device = incoming(addresses, layout);
        // on both sides of the border of two regions
        final long first = TwoRegionRam.BASE + TwoRegionRam.SIZE - 16L * PAGE;
        final Set<Long> arrived = new HashSet<>();
        for (int round = 0; round < 300; round++) {
            final Segments buffers = new Segments();
            final Set<Long> needed = new TreeSet<>();
            for (int i = random.nextInt(1, 4); i > 0; i--) {
                final long address = first + random.nextInt(32 * PAGE);
                final int length = 1 + random.nextInt((int) Math.min(5L * PAGE, first + 32L * PAGE - address));
                buffers.add(address, length);
                for (long page = address & -PAGE; page < address + length; page += PAGE) {
                    needed.add(page);
                }
            }
            driver.add(buffers, true);
            driver.publish();
            while (device.next(chain, true) != DeviceRing.TAKEN) {
                device.missingPage().request(RING);
                final long page = guest(requested.removeLast());
                assertTrue(requested.isEmpty() && needed.contains(page) && arrived.add(page), () -> "seed " + seed);
                arrive(page);
                device.missingPage().arrived();
            }
            assertTrue(arrived.containsAll(needed), () -> "seed " + seed);
            assertSame(buffers, seed);
            device.use(1);
            device.publish();
            driver.poll();
        }
        assertFalse(device.isWaiting());
        device.remap(ram.memory, addresses);
        assertNull(device.missingPage());
        driver.add(pages + 40L * PAGE, 10, true);
        driver.publish();
        assertEquals(DeviceRing.TAKEN, device.next(chain, true), "the new memory table has all pages");
    }

    private long guest(final long host) {
        return ram.memory.guestAddress(host);
    }

    /** Asserts that the chain consists of these buffers, in any pieces. */
    private void assertSame(final Segments buffers, final long seed) {
        int piece = 0;
        int offset = 0;
        for (int i = 0; i < buffers.count(); i++) {
            int done = 0;
            while (done < buffers.length(i)) {
                assertEquals(ram.host(buffers.address(i) + done), chain.address(piece) + offset, () -> "seed " + seed);
                final int n = Math.min(buffers.length(i) - done, chain.length(piece) - offset);
                done += n;
                offset += n;
                if (offset == chain.length(piece)) {
                    piece++;
                    offset = 0;
                }
            }
        }
        assertEquals(piece, chain.count(), () -> "seed " + seed);
    }
}
