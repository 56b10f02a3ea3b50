package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.testkit.TurnedRing;
import io.ringbridge.testkit.TwoRegionRam;
import org.junit.jupiter.api.AfterEach;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.SplittableRandom;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** The common fixture of tests of records of chains in flight: a ring, its area, and devices that end at any point. */
abstract class InflightFixture {
    static final int SIZE = 16;
    static final int QUEUES = 3;
    static final int LENGTH = 64;
    static final long BEFORE = 4096;
    /** The offset of the mark in a buffer, after the header. */
    static final int MARK = 16;

    final TwoRegionRam ram = new TwoRegionRam();
    final MemFd file = MemFd.create("inflight", 1 << 16);
    final InflightArea area =
        InflightArea.map(Fd.duplicate(file.fd()), BEFORE, (1 << 16) - BEFORE, QUEUES, SIZE);
    final Segments chain = new Segments();
    final SplittableRandom random = new SplittableRandom(11);
    boolean inOrder;

    /** The layout of a ring. A big-endian ring has the layout of split rings. */
    enum Layout { SPLIT, BIG_ENDIAN, PACKED }

    @AfterEach
    void close() {
        area.close();
        file.close();
        ram.close();
    }

    long features(final Layout layout) {
        return (layout == Layout.BIG_ENDIAN ? 0 : Features.of(Features.VERSION_1))
            | (layout == Layout.PACKED ? Features.of(Features.RING_PACKED) : 0)
            | (inOrder ? Features.of(Features.IN_ORDER) : 0);
    }

    InflightRegion region(final Layout layout) {
        return area.region(1, SIZE, layout == Layout.PACKED);
    }

    DeviceRing device(final RingAddresses at, final Layout layout) {
        return DeviceRing.create(new RingConfig(SIZE, features(layout), at, DriverRing.freshBase(features(layout)),
            ram.memory, region(layout), layout == Layout.BIG_ENDIAN));
    }

    /** The step after which a device ends. */
    enum End { TAKEN, COPIED, USED, RECORDED, PUBLISHED, UNMARKED, SETTLED }

    /** A ring with a driver that knows the chains it has made available and their possible states. */
    final class Rig {
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
        long nextBuffer = TwoRegionRam.BASE + TwoRegionRam.SIZE;

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
            return InflightFixture.this.device(at, layout);
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
                if (nextBuffer > TwoRegionRam.BASE + 2 * TwoRegionRam.SIZE - 4 * LENGTH) {
                    nextBuffer = TwoRegionRam.BASE + TwoRegionRam.SIZE;
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
        long bufferTaken() {
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
}
