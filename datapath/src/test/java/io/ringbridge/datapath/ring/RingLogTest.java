package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.DirtyLog;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.Mapping;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.testkit.TwoRegionRam;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.HashSet;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * The log of a device's own writes to a ring. It has the pages of the used entries, index, descriptors and event words
 * only.
 */
class RingLogTest {
    private static final long EVENTS = Features.of(Features.EVENT_IDX);
    private static final long PACKED = Features.of(Features.RING_PACKED);
    private static final long LAST = TwoRegionRam.BASE + 2 * TwoRegionRam.SIZE;
    private static final int SIZE = 2048;

    private final TwoRegionRam ram = new TwoRegionRam();
    private final MemFd file = MemFd.create("log", LAST / 4096 / 8);
    private final Mapping view = Mapping.map(file.fd(), 0, LAST / 4096 / 8);
    private final DirtyLog log = DirtyLog.map(Fd.duplicate(file.fd()), 0, LAST / 4096 / 8);
    private final EventFd changed = EventFd.create();
    /** The record of chains in flight, or null. */
    private InflightRegion record;

    @AfterEach
    void free() {
        log.close();
        view.close();
        file.close();
        changed.close();
        ram.close();
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1L << Features.EVENT_IDX, 1L << Features.RING_PACKED})
    void usedBuffersOfARecordedRingAreLoggedToo(final long features) {
        final boolean packed = (features & PACKED) != 0;
        final long bytes = InflightArea.bytes(1, SIZE, packed);
        try (MemFd records = MemFd.create("inflight", bytes);
             InflightArea area = InflightArea.map(Fd.duplicate(records.fd()), 0, bytes, 1, SIZE)) {
            record = area.region(0, SIZE, packed);
            usedBuffersAreLoggedWhereTheyWereWritten(features);
        }
    }

    /** In a batch that was not published, all used descriptors but the first are in the ring already. */
    @Test
    void descriptorsThatRecoveryRestoresAreLogged() {
        final long bytes = InflightArea.bytes(1, SIZE, true);
        try (MemFd records = MemFd.create("inflight", bytes);
             InflightArea area = InflightArea.map(Fd.duplicate(records.fd()), 0, bytes, 1, SIZE)) {
            final RingAddresses place = place(new SplittableRandom(7));
            final RingConfig config = new RingConfig(SIZE, PACKED, place, DriverRing.freshBase(PACKED), ram.memory,
                area.region(0, SIZE, true));
            final DriverRing driver = DriverRing.create(SIZE, PACKED, place);
            final DeviceRing first = DeviceRing.create(config);
            final byte[] before = new byte[(int) TwoRegionRam.SIZE / 8];
            for (int i = 0; i < SIZE; i++) {
                driver.add(TwoRegionRam.BASE, 64, true);
            }
            driver.publish();
            for (int i = 0; i < SIZE; i++) {
                first.next(new Segments(), true);
            }
            for (int i = 0; i < SIZE / 2; i++) {
                first.use(8);
            }
            Memory.copy(ram.low.hostAddress(), before, 0, before.length);
            DeviceRing.create(config, log, changed);
            final Set<Long> restored = changes(before);
            assertFalse(restored.isEmpty());
            assertEquals(restored, marked());
            assertTrue(changed.drain());
            DeviceRing.create(config, log, changed);
            assertEquals(Set.of(), marked(), "nothing was left to restore");
        }
    }

    private Set<Long> marked() {
        final Set<Long> pages = new TreeSet<>();
        for (long page = 0; page < LAST / 4096; page++) {
            if ((Memory.getByte(view.address() + page / 8) >> page % 8 & 1) != 0) {
                pages.add(page * 4096);
            }
        }
        Memory.zero(view.address(), view.size());
        return pages;
    }

    /** Returns a ring whose parts have random offsets in their pages. The event structures do not cross pages. */
    private RingAddresses place(final SplittableRandom random) {
        final long descriptors = ram.allocate(RingAddresses.descriptorBytes(SIZE) + 4096, 4096)
            + 16L * random.nextInt(256);
        final long driver = ram.allocate(RingAddresses.driverBytes(SIZE, false) + 4096, 4096)
            + 4L * random.nextInt(1024);
        final long device = ram.allocate(RingAddresses.deviceBytes(SIZE, false) + 4096, 4096)
            + 4L * random.nextInt(1024);
        return new RingAddresses(ram.host(descriptors), ram.host(driver), ram.host(device), device);
    }

    private DeviceRing device(final RingAddresses place, final long features) {
        return DeviceRing.create(
            new RingConfig(SIZE, features, place, DriverRing.freshBase(features), ram.memory, record));
    }

    /** Returns the pages of the first region that have changed. */
    private Set<Long> changes(final byte[] before) {
        final Set<Long> pages = new HashSet<>();
        for (int at = 0; at < before.length; at++) {
            if (before[at] != Memory.getByte(ram.low.hostAddress() + at)) {
                pages.add(TwoRegionRam.BASE + (at & -4096));
            }
        }
        return new TreeSet<>(pages);
    }

    /**
     * Fills the used entries of a split ring, so that later writes change them, clears the log, and copies the memory.
     */
    private void remember(final byte[] before, final RingAddresses place, final boolean packed) {
        for (int i = 0; i < SIZE && !packed; i++) {
            Memory.putLong(place.device() + 4 + 8L * i, -1);
        }
        marked();
        Memory.copy(ram.low.hostAddress(), before, 0, before.length);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1L << Features.EVENT_IDX, 1L << Features.RING_PACKED})
    void usedBuffersAreLoggedWhereTheyWereWritten(final long features) {
        final SplittableRandom random = new SplittableRandom(features + 1);
        final RingAddresses place = place(random);
        final DriverRing driver = DriverRing.create(SIZE, features, place);
        final DeviceRing device = device(place, features);
        device.log(log, changed);
        final Segments chain = new Segments();
        final long buffer = ram.allocate(4096, 4096);
        final byte[] before = new byte[(int) TwoRegionRam.SIZE / 8];
        for (int round = 0; round < 60; round++) {
            int chains = 0;
            for (int n = random.nextInt(1, 1500); n > 0; n--) {
                final Segments pieces = new Segments();
                for (int i = random.nextInt(200) == 0 ? random.nextInt(1, 600) : 1; i > 0; i--) {
                    pieces.add(buffer, 1);
                }
                chains += driver.add(pieces, true) >= 0 ? 1 : 0;
            }
            driver.publish();
            remember(before, place, (features & PACKED) != 0);
            for (int i = 0; i < chains; i++) {
                assertEquals(DeviceRing.TAKEN, device.next(chain, true));
            }
            for (int i = 0; i < chains; i++) {
                device.use(1);
            }
            device.publish();
            assertEquals(changes(before), marked(), "round " + round);
            assertTrue(changed.drain());
            device.publish();
            assertTrue(marked().isEmpty(), "nothing more was used");
            assertFalse(changed.drain());
            for (int i = 0; i < chains; i++) {
                assertTrue(driver.poll() >= 0);
            }
        }
    }

    /** With IN_ORDER a batch may have one used entry. Exactly the entries that were written are marked. */
    @ParameterizedTest
    @ValueSource(longs = {0, 1L << Features.RING_PACKED})
    void aBatchReturnedInOrderIsLoggedWhereItWasWritten(final long layout) {
        final long features = layout | Features.of(Features.IN_ORDER);
        final SplittableRandom random = new SplittableRandom(layout + 5);
        final RingAddresses place = place(random);
        final DriverRing driver = DriverRing.create(SIZE, features, place);
        final DeviceRing device = device(place, features);
        device.log(log, changed);
        final Segments chain = new Segments();
        final long buffer = ram.allocate(4096, 4096);
        final byte[] before = new byte[(int) TwoRegionRam.SIZE / 8];
        for (int round = 0; round < 60; round++) {
            int chains = 0;
            for (int n = random.nextInt(1, round % 3 == 0 ? SIZE + 1 : 1500); n > 0; n--) {
                chains += driver.add(buffer, 1, false) >= 0 ? 1 : 0;
            }
            driver.publish();
            remember(before, place, layout != 0);
            for (int i = 0; i < chains; i++) {
                assertEquals(DeviceRing.TAKEN, device.next(chain, false));
            }
            for (int left = chains; left > 0; ) {
                final int batch = random.nextInt(1, left + 1);
                if (random.nextBoolean()) {
                    device.returnUnused(batch);
                } else {
                    device.use(null, batch);
                }
                left -= batch;
            }
            device.publish();
            assertEquals(changes(before), marked(), "round " + round);
            assertTrue(changed.drain());
            for (int i = 0; i < chains; i++) {
                assertTrue(driver.poll() >= 0);
            }
        }
    }

    @Test
    void everyEntryOfARingMayBeUsedAtOnce() {
        for (final long features : new long[] {0, PACKED}) {
            final RingAddresses place = place(new SplittableRandom(9));
            final DriverRing driver = DriverRing.create(SIZE, features, place);
            final DeviceRing device = device(place, features);
            final long buffer = ram.allocate(4096, 4096);
            final Segments chain = new Segments();
            final byte[] before = new byte[(int) TwoRegionRam.SIZE / 8];
            for (int i = 0; i < SIZE; i++) {
                driver.add(buffer, 10, true);
            }
            driver.publish();
            device.log(log, null);
            Memory.copy(ram.low.hostAddress(), before, 0, before.length);
            for (int i = 0; i < SIZE; i++) {
                device.next(chain, true);
                device.use(3);
            }
            device.publish();
            assertEquals(changes(before), marked());
        }
    }

    @Test
    void eventWordsAreLogged() {
        for (final long features : new long[] {0, EVENTS, PACKED, PACKED | EVENTS}) {
            final RingAddresses place = place(new SplittableRandom(2));
            final DeviceRing device = device(place, features);
            device.log(log, changed);
            final long word = place.log()
                + ((features & PACKED) != 0 ? 0 : (features & EVENTS) != 0 ? 4 + 8 * SIZE : 0);
            device.suppressKicks();
            assertEquals(Set.of(word & -4096), marked(), Long.toHexString(features));
            assertTrue(changed.drain());
            device.armKicks();
            assertEquals(Set.of(word & -4096), marked());
            assertTrue(changed.drain());
            device.log(null, null);
            device.suppressKicks();
            assertTrue(marked().isEmpty() && !changed.drain());
        }
    }

    @Test
    void anUnloggedRingLogsItsBuffersOnly() {
        for (final long features : new long[] {0, PACKED}) {
            final RingAddresses place = place(new SplittableRandom(3));
            final RingAddresses silent = new RingAddresses(place.descriptors(), place.driver(), place.device());
            final DriverRing driver = DriverRing.create(SIZE, features, silent);
            final DeviceRing device = device(silent, features);
            device.log(log, changed);
            device.suppressKicks();
            final Segments chain = new Segments();
            final long across = TwoRegionRam.BASE + TwoRegionRam.SIZE - 5000;
            driver.add(across, 10_000, true);
            driver.publish();
            assertEquals(DeviceRing.TAKEN, device.next(chain, true));
            assertEquals(2, chain.count(), "the buffer spans two regions");
            device.log().written(chain, 904);
            assertEquals(Set.of(across & -4096), marked());
            device.log().written(chain, 905);
            assertEquals(Set.of(across & -4096, (across & -4096) + 4096), marked());
            device.log().written(chain, 5001);
            assertEquals(Set.of(across & -4096, (across & -4096) + 4096, TwoRegionRam.BASE + TwoRegionRam.SIZE),
                marked());
            assertFalse(changed.drain());
            device.use(5001);
            device.publish();
            assertTrue(marked().isEmpty());
            assertTrue(changed.drain(), "the buffers were logged");
        }
    }
}
