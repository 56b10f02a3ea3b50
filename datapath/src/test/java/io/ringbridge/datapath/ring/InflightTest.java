package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.MemoryException;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.MemFd;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.SplittableRandom;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Records of chains in flight, for devices that end at any point. */
@Timeout(120)
class InflightTest {
    private static final int SIZE = 16;
    private static final int QUEUES = 3;
    private static final int LENGTH = 64;
    private static final long BEFORE = 4096;
    /** The offset of the mark in a buffer, after the header. */
    private static final int MARK = 16;

    private final GuestRam ram = new GuestRam();
    private final MemFd file = MemFd.create("inflight", 1 << 16);
    private final InflightArea area =
        InflightArea.map(Fd.duplicate(file.fd()), BEFORE, (1 << 16) - BEFORE, QUEUES, SIZE);
    private final Segments chain = new Segments();
    private final SplittableRandom random = new SplittableRandom(11);
    private boolean inOrder;

    /** The layout of a ring. A big-endian ring has the layout of split rings. */
    enum Layout { SPLIT, BIG_ENDIAN, PACKED }

    @AfterEach
    void close() {
        area.close();
        file.close();
        ram.close();
    }

    private long features(final Layout layout) {
        return (layout == Layout.BIG_ENDIAN ? 0 : Features.of(Features.VERSION_1))
            | (layout == Layout.PACKED ? Features.of(Features.RING_PACKED) : 0)
            | (inOrder ? Features.of(Features.IN_ORDER) : 0);
    }

    private InflightRegion region(final Layout layout) {
        return area.region(1, SIZE, layout == Layout.PACKED);
    }

    private DeviceRing device(final RingAddresses at, final Layout layout) {
        return DeviceRing.create(new RingConfig(SIZE, features(layout), at, DriverRing.freshBase(features(layout)),
            ram.memory, region(layout), layout == Layout.BIG_ENDIAN));
    }

    /** The step after which a device ends. */
    private enum End { TAKEN, COPIED, USED, RECORDED, PUBLISHED, UNMARKED, SETTLED }

    /** A ring with a driver that knows the chains it has made available and their possible states. */
    private final class Rig {
        final Layout layout;
        final boolean writable;
        /** The ring's addresses for the device. */
        final RingAddresses at;
        /** The ring in the driver's byte order; null if the driver uses the device's memory. */
        final TurnedRing turned;
        final DriverRing driver;
        final long[] buffers = new long[SIZE];
        /** Buffers of chains that were made available and not published as used, in order. */
        final Deque<Long> pending = new ArrayDeque<>();
        final Segments pieces = new Segments();
        /** Buffers of the chains that the device has taken and not returned. */
        final Deque<Long> out = new ArrayDeque<>();
        /** Buffers of the chains that the device has returned and not published. */
        final List<Long> unpublished = new ArrayList<>();
        int returned;
        long nextBuffer = GuestRam.BASE + GuestRam.SIZE;

        Rig(final Layout layout, final boolean writable) {
            this(layout, writable, ram.ring(SIZE), ram.ring(SIZE));
        }

        Rig(final Layout layout, final boolean writable, final RingAddresses at, final RingAddresses other) {
            this.layout = layout;
            this.writable = writable;
            this.at = at;
            turned = layout == Layout.BIG_ENDIAN ? new TurnedRing(other, at, SIZE) : null;
            driver = DriverRing.create(SIZE, features(layout), turned == null ? at : turned.driver());
        }

        DeviceRing device() {
            return InflightTest.this.device(at, layout);
        }

        void offer(final int most) {
            for (int i = 0; i < most; i++) {
                final int count = 1 + random.nextInt(3);
                pieces.clear();
                for (int j = 0; j < count; j++) {
                    pieces.add(nextBuffer + (long) j * LENGTH, LENGTH);
                }
                final int id = driver.add(pieces, writable);
                if (id < 0) {
                    break;
                }
                Memory.zero(ram.host(nextBuffer) + MARK, 8);
                buffers[id] = nextBuffer;
                pending.add(nextBuffer);
                nextBuffer += 4L * LENGTH;
                if (nextBuffer > GuestRam.BASE + 2 * GuestRam.SIZE - 4 * LENGTH) {
                    nextBuffer = GuestRam.BASE + GuestRam.SIZE;
                }
            }
            publish();
        }

        void publish() {
            driver.publish();
            if (turned != null) {
                turned.offer();
            }
        }

        int poll() {
            if (turned != null) {
                turned.use();
            }
            return driver.poll();
        }

        void take(final DeviceRing device, final int most) {
            final List<Long> expected = new ArrayList<>(pending);
            for (int i = 0; i < most; i++) {
                final int result = device.next(chain, writable);
                final int place = unpublished.size() + out.size();
                if (place == expected.size()) {
                    assertEquals(DeviceRing.EMPTY, result);
                    return;
                }
                assertEquals(DeviceRing.TAKEN, result);
                assertEquals(ram.host(expected.get(place)), bufferTaken(), "the oldest chain that was not returned");
                assertEquals(0, chain.totalLength() % LENGTH);
                out.add(expected.get(place));
            }
        }

        /** Returns the address of the buffer just taken. A big-endian ring has its own memory for the header. */
        private long bufferTaken() {
            return turned == null ? chain.address(0) : chain.address(1) - Features.headerLength(features(layout));
        }

        void rewind(final DeviceRing device, final int chains) {
            device.rewind(chains);
            for (int i = 0; i < chains; i++) {
                out.removeLast();
            }
        }

        /** Stands for the copy of a frame: marks the buffers. */
        void copy() {
            out.forEach(buffer -> Memory.putLong(ram.host(buffer) + MARK, 1));
        }

        void use(final DeviceRing device, final int chains) {
            if (!writable && chains > 0) {
                device.returnUnused(chains);
            }
            for (int i = 0; i < chains; i++) {
                if (writable) {
                    device.use(8);
                }
                unpublished.add(out.remove());
            }
        }

        void publish(final DeviceRing device, final End end) {
            if (device instanceof final TrackedSplitRing split) {
                publish(split::show, split.record(), split.usedIdx, end);
            } else if (device instanceof final BigEndianSplitRing split) {
                publish(split::show, split.record(), split.usedIdx, end);
            } else if (device instanceof final TrackedPackedRing ring && !unpublished.isEmpty()) {
                if (end.compareTo(End.RECORDED) >= 0) {
                    ring.recordBatch();
                }
                if (end.compareTo(End.PUBLISHED) >= 0) {
                    ring.show();
                }
                if (end.compareTo(End.UNMARKED) >= 0) {
                    ring.unmark();
                }
                if (end.compareTo(End.SETTLED) >= 0) {
                    ring.settle();
                }
            }
            if (end.compareTo(End.PUBLISHED) >= 0) {
                unpublished.forEach(buffer -> assertEquals(buffer, pending.remove()));
                unpublished.clear();
            }
        }

        private void publish(final Runnable show, final SplitInflight record, final int usedIdx, final End end) {
            if (end.compareTo(End.PUBLISHED) >= 0) {
                show.run();
            }
            if (end.compareTo(End.UNMARKED) >= 0) {
                record.unmark();
            }
            if (end.compareTo(End.SETTLED) >= 0) {
                record.settle(usedIdx);
            }
        }

        /** Takes back the published chains as the driver, and asserts that each buffer was marked. */
        void reap() {
            for (int id = poll(); id >= 0; id = poll()) {
                assertEquals(1, Memory.getLong(ram.host(buffers[id]) + MARK), "a returned buffer was filled or sent");
                assertEquals(writable ? 8 : 0, driver.usedLength());
                returned++;
            }
        }

        /** Runs a burst that ends after a given step. */
        void burst(final DeviceRing device, final End end) {
            take(device, 1 + random.nextInt(SIZE));
            if (!out.isEmpty() && random.nextInt(3) == 0) {
                rewind(device, 1 + random.nextInt(out.size()));
                take(device, random.nextInt(SIZE));
            }
            if (end == End.TAKEN) {
                return;
            }
            copy();
            if (end == End.COPIED) {
                return;
            }
            use(device, random.nextInt(out.size() + 1));
            if (random.nextBoolean()) {
                take(device, random.nextInt(3));
                copy();
                use(device, random.nextInt(out.size() + 1));
            }
            publish(device, end);
        }
    }

    @ParameterizedTest
    @CsvSource({"SPLIT,false,false", "SPLIT,true,false", "PACKED,false,false", "PACKED,true,false",
        "BIG_ENDIAN,false,false", "SPLIT,false,true", "SPLIT,true,true", "PACKED,false,true", "PACKED,true,true",
        "BIG_ENDIAN,true,false"})
    void noChainIsLostWhereverADeviceEnds(final Layout layout, final boolean writable, final boolean keepsOrder) {
        inOrder = keepsOrder;
        final Rig rig = new Rig(layout, writable);
        DeviceRing device = rig.device();
        for (int i = 0; i < 40_000; i++) {
            rig.offer(random.nextInt(SIZE));
            if (random.nextInt(4) == 0) {
                rig.burst(device, End.values()[random.nextInt(End.values().length)]);
                if (random.nextBoolean()) {
                    rig.reap(); // while there is no device
                    rig.offer(random.nextInt(3));
                }
                device = rig.device();
                rig.out.clear();
                rig.unpublished.clear();
            } else {
                rig.burst(device, End.SETTLED);
            }
            rig.reap();
        }
        while (!rig.pending.isEmpty()) {
            rig.take(device, SIZE);
            rig.copy();
            rig.use(device, rig.out.size());
            rig.publish(device, End.SETTLED);
            rig.reap();
        }
        assertEquals(SIZE, rig.driver.free(), "every buffer came back");
        assertTrue(rig.returned > 65536, "the index has wrapped");
    }

    @ParameterizedTest
    @EnumSource(Layout.class)
    void chainsThatWereNeverTakenComeFromTheRing(final Layout layout) {
        final Rig rig = new Rig(layout, false);
        rig.device();
        rig.offer(2);
        rig.take(rig.device(), 2);
    }

    /** The record is as the specification requires it from a device that returns buffers out of order. */
    @ParameterizedTest
    @EnumSource(names = {"SPLIT", "BIG_ENDIAN"})
    void aSplitRecordOfAnotherDeviceIsRecoveredInTheOrderOfItsCounters(final Layout layout) {
        final Rig rig = new Rig(layout, false);
        final boolean big = layout == Layout.BIG_ENDIAN;
        for (int i = 0; i < 5; i++) {
            rig.driver.add(GuestRam.BASE + (long) i * LENGTH, LENGTH, false);
        }
        rig.publish();
        final long region = area.region(1, SIZE, false).address();
        Memory.putShort(region + 8, (short) 1);
        Memory.putShort(region + 10, (short) SIZE);
        final int[] counters = {12, 10, 13, 11};
        for (int head = 0; head < counters.length; head++) {
            Memory.putLong(region + 16 + 16L * head + 8, counters[head]);
            Memory.putByte(region + 16 + 16L * head, (byte) 1);
        }
        // Descriptor 2 was returned, and the device ended before it was unmarked.
        Memory.putShort(region + 16 + 16L * 2 + 6, Memory.getShort(region + 12));
        Memory.putShort(region + 12, (short) 2);
        Memory.putInt(rig.at.device() + 4, big ? Integer.reverseBytes(2) : 2);
        Memory.putShort(rig.at.device() + 2, (short) (big ? 0x0100 : 1));
        final DeviceRing device = rig.device();
        for (final int head : new int[] {1, 3, 0, 4}) {
            assertEquals(DeviceRing.TAKEN, device.next(chain, false));
            assertEquals(ram.host(GuestRam.BASE + (long) head * LENGTH), rig.bufferTaken());
        }
        assertEquals(DeviceRing.EMPTY, device.next(chain, false));
        for (int i = 0; i < 4; i++) {
            device.use(0);
        }
        device.publish();
        for (final int id : new int[] {2, 1, 3, 0, 4}) {
            assertEquals(id, rig.poll());
        }
        assertEquals(5, Memory.getShort(region + 14), "the used index");
        for (int head = 0; head < SIZE; head++) {
            assertEquals(0, Memory.getByte(region + 16 + 16L * head), "nothing is in flight");
        }
    }

    /**
     * The record is as the specification requires it after a device took three chains and returned the second first.
     */
    @Test
    void aPackedRecordOfAnotherDeviceIsRecoveredInTheOrderOfItsCounters() {
        final RingAddresses at = ram.ring(SIZE);
        final DriverRing driver = DriverRing.create(SIZE, features(Layout.PACKED), at);
        final int[] ids = new int[4];
        for (int i = 0; i < 4; i++) {
            ids[i] = driver.add(GuestRam.BASE + (long) i * LENGTH, LENGTH, false);
        }
        driver.publish();
        final long region = area.region(1, SIZE, true).address();
        Memory.putShort(region + 8, (short) 1);
        Memory.putShort(region + 10, (short) SIZE);
        // Entry 1 is free again. It precedes entry 3, the first that was never taken.
        Memory.putShort(region + 12, (short) 1);
        Memory.putShort(region + 14, (short) 1);
        Memory.putShort(region + 16, (short) 1);
        Memory.putShort(region + 18, (short) 1);
        Memory.putByte(region + 20, (byte) 1);
        Memory.putByte(region + 21, (byte) 1);
        for (int i = 0; i < SIZE; i++) {
            final long entry = region + 32 + 32L * i;
            Memory.putShort(entry + 2, (short) (i == 1 ? 3 : i + 1));
            if (i < 3) {
                Memory.putByte(entry, (byte) (i == 1 ? 0 : 1));
                Memory.putShort(entry + 4, (short) i);
                Memory.putShort(entry + 6, (short) 1);
                Memory.putLong(entry + 8, i == 0 ? 9 : 8);
                Memory.putShort(entry + 16, (short) ids[i]);
                Memory.putShort(entry + 18, (short) Packed.AVAIL);
                Memory.putInt(entry + 20, LENGTH);
                Memory.putLong(entry + 24, GuestRam.BASE + (long) i * LENGTH);
            }
        }
        Memory.putLong(at.descriptors() + 8, (long) ids[1] << 32 | (long) (Packed.AVAIL | Packed.USED) << 48);
        final DeviceRing device = device(at, Layout.PACKED);
        for (final int i : new int[] {2, 0, 3}) {
            assertEquals(DeviceRing.TAKEN, device.next(chain, false));
            assertEquals(ram.host(GuestRam.BASE + (long) i * LENGTH), chain.address(0));
        }
        assertEquals(DeviceRing.EMPTY, device.next(chain, false));
        for (int i = 0; i < 3; i++) {
            device.use(0);
        }
        device.publish();
        for (final int i : new int[] {1, 2, 0, 3}) {
            assertEquals(ids[i], driver.poll());
        }
        assertEquals(4, Memory.getShort(region + 16), "the used position");
        for (int i = 0; i < SIZE; i++) {
            assertEquals(0, Memory.getByte(region + 32 + 32L * i), "nothing is in flight");
        }
    }

    @ParameterizedTest
    @EnumSource(Layout.class)
    void anInvalidRecordCausesNoWritesOutsideItsRegion(final Layout layout) {
        final boolean packed = layout == Layout.PACKED;
        final InflightRegion region = region(layout);
        final int bytes = packed ? 32 + 32 * SIZE : 16 + 16 * SIZE;
        final RingAddresses at = ram.ring(SIZE);
        final RingAddresses other = ram.ring(SIZE);
        for (int round = 0; round < 20_000; round++) {
            for (final RingAddresses each : List.of(at, other)) {
                Memory.zero(each.descriptors(), RingAddresses.descriptorBytes(SIZE));
                Memory.zero(each.driver(), RingAddresses.driverBytes(SIZE, packed));
                Memory.zero(each.device(), RingAddresses.deviceBytes(SIZE, packed));
            }
            final Rig rig = new Rig(layout, false, at, other);
            rig.offer(SIZE);
            for (int i = 0; i < bytes; i += 2) {
                final boolean small = random.nextInt(4) > 0;
                Memory.putShort(region.address() + i, (short) (small ? random.nextInt(SIZE + 2) : random.nextInt()));
            }
            Memory.putShort(region.address() + 8, (short) 1);
            Memory.putShort(region.address() + 10, (short) SIZE);
            for (int i = 0; i < 64; i += 8) {
                Memory.putLong(region.address() - 8 - i, 0x5555);
                Memory.putLong(region.address() + bytes + (packed ? 32 : 48) + i, 0x5555);
            }
            final DeviceRing device = rig.device();
            for (int i = 0; i < 3 * SIZE; i++) {
                final int result = device.next(chain, false);
                if (result == DeviceRing.TAKEN || result == DeviceRing.BAD) {
                    device.use(0);
                    device.publish();
                }
            }
            for (int i = 0; i < 64; i += 8) {
                assertEquals(0x5555, Memory.getLong(region.address() - 8 - i));
                assertEquals(0x5555, Memory.getLong(region.address() + bytes + (packed ? 32 : 48) + i));
            }
        }
    }

    private PackedRecovery recovery(final RingAddresses at) {
        return PackedRecovery.read(new PackedInflight(area.region(1, SIZE, true)), SIZE, at.descriptors());
    }

    @Test
    void aRecordFitsItsOwnRingAndNotANewOne() {
        int missed = 0;
        for (int bursts = 1; bursts < 300; bursts++) {
            final Rig rig = new Rig(Layout.PACKED, true);
            Memory.zero(area.address(), 4096);
            final DeviceRing device = rig.device();
            for (int i = 0; i < bursts; i++) {
                rig.offer(random.nextInt(SIZE));
                rig.burst(device, i < bursts - 1 ? End.SETTLED : End.values()[random.nextInt(End.values().length)]);
                rig.reap();
            }
            final PackedRecovery same = recovery(rig.at);
            assertNotNull(same);
            missed += same.fits(Packed.WRAP, Packed.WRAP) ? 0 : 1;
            if (same.used != 0 || !same.wrap) {
                Memory.zero(rig.at.descriptors(), RingAddresses.descriptorBytes(SIZE));
                for (int i = 0; i < SIZE && bursts % 2 == 0; i++) {
                    // DPDK's driver writes identifiers to blank descriptors.
                    Memory.putShort(rig.at.descriptors() + (long) i * Descriptor.SIZE + 12, (short) i);
                }
                final DriverRing fresh = DriverRing.create(SIZE, features(Layout.PACKED), rig.at);
                final int chains = random.nextInt(SIZE + 1);
                for (int i = 0; i < chains; i++) {
                    fresh.add(GuestRam.BASE, LENGTH, true);
                }
                fresh.publish();
                final PackedRecovery other = recovery(rig.at);
                final boolean atItsStart = other != null && other.used == 0 && other.wrap && other.chains.length == 0;
                assertTrue(other == null || atItsStart || !other.fits(Packed.WRAP, Packed.WRAP),
                    () -> "position " + same.used + " wrap " + same.wrap);
            }
        }
        assertTrue(missed < 15, missed + " of 300 were not recognised");
    }

    @Test
    void theAreaHasNoRegionForAnotherQueueOrALargerRing() {
        assertNull(area.region(QUEUES, SIZE, false));
        assertThrows(MemoryException.class, () -> area.region(0, 2 * SIZE, false));
    }
}
