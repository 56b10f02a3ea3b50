package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.DirtyLog;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Iotlb;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.Mapping;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.testkit.TwoRegionRam;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Rings whose driver uses I/O virtual addresses. Chains wait for missing translations, and are bad if these are
 * refused.
 */
class TranslatedRingTest extends RingFixture {
    private static final long PAGE = 4096;
    /** The first I/O virtual address of the driver's buffers. The guest has no memory at this address. */
    private static final long IO = 0x7FFF_0000_0000L;
    private static final int BOTH = Iotlb.READ | Iotlb.WRITE;

    private Iotlb table = Iotlb.EMPTY;
    private final List<String> requested = new ArrayList<>();
    private final IotlbRequests requests = new IotlbRequests() {
        @Override
        public void missing(final long address, final int access) {
            requested.add("missing " + Long.toHexString(address) + " " + access);
        }

        @Override
        public void denied(final long address, final int access) {
            requested.add("denied " + Long.toHexString(address) + " " + access);
        }
    };

    private GuestMemory memory() {
        return ram.memory.withTranslations(table);
    }

    private DeviceRing translated(final RingAddresses addresses, final long layout) {
        return DeviceRing.create(
            new RingConfig(SIZE, FEATURES | layout, addresses, DriverRing.freshBase(layout), memory()));
    }

    /** Maps pages from an I/O virtual address on. */
    private void map(final DeviceRing device, final long address, final long pages, final long guest,
                     final int access) {
        table = table.with(address, pages * PAGE, 0, ram.host(guest), access);
        device.translations(memory(), address, address + pages * PAGE - 1);
    }

    private void assertRequests(final DeviceRing device, final String... wanted) {
        device.translation().tell(requests);
        device.translation().tell(requests);
        assertEquals(List.of(wanted), requested);
        requested.clear();
    }

    private static int used(final DriverRing driver) {
        int count = 0;
        while (driver.poll() >= 0) {
            count++;
        }
        return count;
    }

    private static String missing(final long address, final int access) {
        return "missing " + Long.toHexString(address) + " " + access;
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void aChainWaitsForItsTranslationWhichIsRequestedOnce(final long layout) {
        final RingAddresses addresses = ram.ring(SIZE);
        final DriverRing driver = DriverRing.create(SIZE, FEATURES | layout, addresses);
        final DeviceRing device = translated(addresses, layout);
        final int base = device.base();
        driver.add(IO + 100, 60, false);
        driver.add(IO + PAGE, 60, false);
        driver.publish();
        for (int i = 0; i < 3; i++) {
            assertEquals(DeviceRing.EMPTY, device.next(chain, false));
            assertTrue(device.lacksTranslation());
            assertEquals(0, device.out());
            assertEquals(base, device.base());
            assertTrue(device.available() > 0);
            if (i == 0) {
                assertRequests(device, missing(IO + 100, Iotlb.READ));
            } else {
                assertRequests(device);
            }
        }
        map(device, IO + 7 * PAGE, 1, TwoRegionRam.BASE, BOTH);
        assertTrue(device.lacksTranslation(), "another page was mapped");
        assertRequests(device);
        map(device, IO, 1, TwoRegionRam.BASE + 5 * PAGE, Iotlb.READ);
        assertFalse(device.lacksTranslation());
        assertEquals(DeviceRing.TAKEN, device.next(chain, false));
        assertEquals(ram.host(TwoRegionRam.BASE + 5 * PAGE + 100), chain.address(0));
        assertEquals(DeviceRing.EMPTY, device.next(chain, false));
        assertEquals(1, device.out(), "the earlier chain stays in flight");
        assertRequests(device, missing(IO + PAGE, Iotlb.READ));
        map(device, IO + PAGE, 1, TwoRegionRam.BASE, Iotlb.READ);
        assertEquals(DeviceRing.TAKEN, device.next(chain, false));
        assertEquals(ram.host(TwoRegionRam.BASE), chain.address(0));
        device.returnUnused(2);
        device.publish();
        assertEquals(2, used(driver));
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void aChainOfSeveralBuffersIsTakenWhenAllOfThemAreMapped(final long layout) {
        final RingAddresses addresses = ram.ring(SIZE);
        final DriverRing driver = DriverRing.create(SIZE, FEATURES | layout, addresses);
        final DeviceRing device = translated(addresses, layout);
        final Segments buffers = new Segments();
        buffers.add(IO + PAGE - 12, 12);
        buffers.add(IO + 3 * PAGE - 100, 2 * (int) PAGE);
        driver.add(buffers, true);
        driver.publish();
        for (final long page : new long[] {0, 2, 3, 4}) {
            assertEquals(DeviceRing.EMPTY, device.next(chain, true));
            assertEquals(0, device.out());
            final long offset = page == 0 ? PAGE - 12 : page == 2 ? 3 * PAGE - 100 : page * PAGE;
            assertRequests(device, missing(IO + offset, Iotlb.WRITE));
            map(device, IO + page * PAGE, 1, TwoRegionRam.BASE + (10 - page) * PAGE, Iotlb.WRITE);
        }
        assertEquals(DeviceRing.TAKEN, device.next(chain, true));
        assertEquals(4, chain.count(), "the second buffer has three pieces");
        assertEquals(12 + 2 * PAGE, chain.totalLength());
        assertEquals(ram.host(TwoRegionRam.BASE + 11 * PAGE - 12), chain.address(0));
        assertEquals(ram.host(TwoRegionRam.BASE + 9 * PAGE - 100), chain.address(1));
        assertEquals(100, chain.length(1));
        assertEquals(ram.host(TwoRegionRam.BASE + 7 * PAGE), chain.address(2));
        assertEquals(ram.host(TwoRegionRam.BASE + 6 * PAGE), chain.address(3));
        assertEquals(PAGE - 100, chain.length(3));
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void anIndirectTableNeedsReadAccess(final long layout) {
        final HostileDriver driver = new HostileDriver(ram.ring(SIZE), SIZE, FEATURES | layout);
        final DeviceRing device = translated(driver.addresses, layout);
        final long tableAt = TwoRegionRam.BASE + (2 << 20);
        // Two descriptors, each on a page of its own.
        driver.write(ram.host(tableAt + PAGE - 16), IO + 5 * PAGE, 100, Descriptor.WRITE | Descriptor.NEXT, 1);
        driver.write(ram.host(tableAt + 3 * PAGE), IO + 5 * PAGE + 100, 50, Descriptor.WRITE, 0);
        driver.offer(IO + PAGE - 16, 32, Descriptor.INDIRECT);
        assertEquals(DeviceRing.EMPTY, device.next(chain, true));
        assertRequests(device, missing(IO + PAGE - 16, Iotlb.READ));
        map(device, IO, 1, tableAt, Iotlb.READ);
        assertEquals(DeviceRing.EMPTY, device.next(chain, true));
        assertRequests(device, missing(IO + 5 * PAGE, Iotlb.WRITE));
        map(device, IO + 5 * PAGE, 1, TwoRegionRam.BASE, Iotlb.WRITE);
        assertEquals(DeviceRing.EMPTY, device.next(chain, true));
        assertRequests(device, missing(IO + PAGE, Iotlb.READ));
        map(device, IO + PAGE, 1, tableAt + 3 * PAGE, BOTH);
        assertEquals(DeviceRing.TAKEN, device.next(chain, true));
        assertEquals(2, chain.count());
        assertEquals(ram.host(TwoRegionRam.BASE + 100), chain.address(1));
        device.rewind(1);
        table = table.without(IO, IO);
        device.remap(memory(), driver.addresses);
        assertEquals(DeviceRing.EMPTY, device.next(chain, true), "the table's page was unmapped");
        assertRequests(device, missing(IO + PAGE - 16, Iotlb.READ));
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void aForbiddenAccessIsRequestedOnceAndThenBad(final long layout) {
        final RingAddresses addresses = ram.ring(SIZE);
        final DriverRing driver = DriverRing.create(SIZE, FEATURES | layout, addresses);
        final DeviceRing device = translated(addresses, layout);
        map(device, IO, 1, TwoRegionRam.BASE, Iotlb.READ);
        driver.add(IO, 60, true);
        driver.add(IO + 8, 60, true);
        driver.publish();
        assertEquals(DeviceRing.EMPTY, device.next(chain, true));
        assertRequests(device, missing(IO, Iotlb.WRITE));
        // The front-end sends the same entry again.
        device.translations(memory(), IO, IO + PAGE - 1);
        assertRequests(device, "denied " + Long.toHexString(IO) + " " + Iotlb.WRITE);
        assertEquals(DeviceRing.BAD, device.next(chain, true));
        assertEquals(DeviceRing.EMPTY, device.next(chain, true), "the next chain requests the entry again");
        assertRequests(device, missing(IO + 8, Iotlb.WRITE));
        table = table.without(IO, IO);
        map(device, IO, 1, TwoRegionRam.BASE, BOTH);
        assertEquals(DeviceRing.TAKEN, device.next(chain, true));
        assertEquals(2, device.out());
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void aRefusedAddressMakesOneChainBad(final long layout) {
        final RingAddresses addresses = ram.ring(SIZE);
        final DriverRing driver = DriverRing.create(SIZE, FEATURES | layout, addresses);
        final DeviceRing device = translated(addresses, layout);
        final Segments buffers = new Segments();
        buffers.add(IO, 10);
        buffers.add(IO + PAGE, 10);
        driver.add(buffers, false);
        driver.add(IO + PAGE, 10, false);
        driver.publish();
        map(device, IO, 1, TwoRegionRam.BASE, BOTH);
        assertFalse(device.translation().refuse(IO + PAGE, Iotlb.READ), "nothing was requested");
        assertEquals(DeviceRing.EMPTY, device.next(chain, false));
        assertRequests(device, missing(IO + PAGE, Iotlb.READ));
        assertFalse(device.translation().refuse(IO, Iotlb.READ), "another address was requested");
        assertTrue(device.translation().refuse(IO + PAGE, Iotlb.READ));
        device.probeAhead(new Segments(), SIZE, false);
        assertEquals(0, device.out());
        assertEquals(DeviceRing.BAD, device.next(chain, false), "a probe does not end the refusal");
        assertEquals(DeviceRing.EMPTY, device.next(chain, false));
        assertRequests(device, missing(IO + PAGE, Iotlb.READ));
        map(device, IO + PAGE, 1, TwoRegionRam.BASE, BOTH);
        assertEquals(DeviceRing.TAKEN, device.next(chain, false));
        assertEquals(2, device.out());
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void missingTranslationsAreRequestedAhead(final long layout) {
        final RingAddresses addresses = ram.ring(SIZE);
        final DriverRing driver = DriverRing.create(SIZE, FEATURES | layout, addresses);
        final DeviceRing device = translated(addresses, layout);
        for (int i = 0; i < SIZE; i++) {
            driver.add(IO + i * PAGE, 2000, true);
        }
        driver.publish();
        final Segments probed = new Segments();
        final int base = device.base();
        for (int i = 0; i < SIZE; i++) {
            device.probeAhead(probed, SIZE, true);
            assertEquals(0, device.out());
            assertEquals(base, device.base());
            assertRequests(device, missing(IO + i * PAGE, Iotlb.WRITE));
            map(device, IO + i * PAGE, 1, TwoRegionRam.BASE + i * PAGE, Iotlb.WRITE);
        }
        device.probeAhead(probed, SIZE, true);
        assertFalse(device.lacksTranslation());
        for (int i = 0; i < SIZE; i++) {
            assertEquals(DeviceRing.TAKEN, device.next(chain, true));
            assertEquals(ram.host(TwoRegionRam.BASE + i * PAGE), chain.address(0));
        }
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void writesAreLoggedByGuestAddress(final long layout) {
        final RingAddresses at = ram.ring(SIZE);
        final long logged = TwoRegionRam.BASE + (3 << 20);
        final RingAddresses addresses = new RingAddresses(at.descriptors(), at.driver(), at.device(), logged);
        final DriverRing driver = DriverRing.create(SIZE, FEATURES | layout, addresses);
        final long bytes = (TwoRegionRam.BASE + 2 * TwoRegionRam.SIZE) / DirtyLog.PAGE_SIZE / 8;
        try (MemFd file = MemFd.create("log", bytes); Mapping bits = Mapping.map(file.fd(), 0, bytes);
             DirtyLog log = DirtyLog.map(Fd.duplicate(file.fd()), 0, bytes)) {
            table = Iotlb.EMPTY.with(IO, PAGE, 0, ram.host(TwoRegionRam.BASE + TwoRegionRam.SIZE + 5 * PAGE), BOTH);
            final DeviceRing device = translated(addresses, layout);
            device.log(log, null);
            driver.add(IO, 60, true);
            driver.publish();
            assertEquals(DeviceRing.TAKEN, device.next(chain, true));
            device.log().written(chain, 60);
            device.use(60);
            device.publish();
            final Set<Long> marked = new TreeSet<>();
            for (long page = 0; page < bytes * 8; page++) {
                if ((Memory.getByte(bits.address() + page / 8) >> page % 8 & 1) != 0) {
                    marked.add(page * DirtyLog.PAGE_SIZE);
                }
            }
            final long ring = packed(layout) ? ram.memory.guestAddress(at.descriptors()) & -PAGE : logged;
            assertEquals(Set.of(ring, TwoRegionRam.BASE + TwoRegionRam.SIZE + 5 * PAGE), marked);
        }
    }

    @Test
    void recordedChainsWaitToo() {
        for (final long layout : layouts().toArray()) {
            final RingAddresses addresses = ram.ring(SIZE);
            final DriverRing driver = DriverRing.create(SIZE, FEATURES | layout, addresses);
            driver.add(IO, 60, false);
            driver.add(IO + PAGE, 60, false);
            driver.publish();
            try (MemFd file = MemFd.create("inflight", 1 << 16);
                 InflightArea area = InflightArea.map(Fd.duplicate(file.fd()), 0, 1 << 16, 1, SIZE)) {
                final InflightRegion record = area.region(0, SIZE, packed(layout));
                table = Iotlb.EMPTY.with(IO, 2 * PAGE, 0, ram.host(TwoRegionRam.BASE), BOTH);
                final DeviceRing before = recorded(addresses, layout, record);
                assertEquals(DeviceRing.TAKEN, before.next(chain, false));
                assertEquals(DeviceRing.TAKEN, before.next(chain, false));
                // The process ends here, and the next one has no translations.
                table = Iotlb.EMPTY;
                final DeviceRing after = recorded(addresses, layout, record);
                assertEquals(DeviceRing.EMPTY, after.next(chain, false));
                assertRequests(after, missing(IO, Iotlb.READ));
                map(after, IO, 1, TwoRegionRam.BASE, BOTH);
                assertEquals(DeviceRing.TAKEN, after.next(chain, false));
                assertEquals(DeviceRing.EMPTY, after.next(chain, false));
                assertEquals(1, after.out());
                assertRequests(after, missing(IO + PAGE, Iotlb.READ));
                map(after, IO + PAGE, 1, TwoRegionRam.BASE, BOTH);
                assertEquals(DeviceRing.TAKEN, after.next(chain, false));
                assertEquals(DeviceRing.EMPTY, after.next(chain, false));
                assertFalse(after.lacksTranslation());
                after.returnUnused(2);
                after.publish();
                assertEquals(2, used(driver));
            }
        }
    }

    private DeviceRing recorded(final RingAddresses addresses, final long layout, final InflightRegion record) {
        return DeviceRing.create(new RingConfig(SIZE, FEATURES | layout, addresses, DriverRing.freshBase(layout),
            memory(), record));
    }
}
