package io.ringbridge.datapath.memory;

import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.Mapping;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.testkit.OpenDescriptors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.SplittableRandom;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The bits that a mark sets, and those that it never sets. */
class DirtyLogTest {
    private static final int FILE = 16384;

    private final MemFd file = MemFd.create("log", FILE);
    private final Mapping view = Mapping.map(file.fd(), 0, FILE);

    @AfterEach
    void free() {
        view.close();
        file.close();
    }

    private DirtyLog map(final long offset, final long size) {
        return DirtyLog.map(Fd.duplicate(file.fd()), offset, size);
    }

    private BitSet bits() {
        final byte[] bytes = new byte[FILE];
        Memory.copy(view.address(), bytes, 0, FILE);
        return BitSet.valueOf(bytes);
    }

    private static BitSet range(final int from, final int to) {
        final BitSet set = new BitSet();
        set.set(from, to);
        return set;
    }

    @Test
    void aMarkCoversEveryPageItTouches() {
        try (DirtyLog log = map(0, FILE)) {
            log.mark(4095, 1);
            assertEquals(range(0, 1), bits());
            log.mark(4095, 2);
            assertEquals(range(0, 2), bits());
            log.mark(9 * 4096, 3 * 4096);
            final BitSet expected = range(0, 2);
            expected.set(9, 12);
            assertEquals(expected, bits());
        }
    }

    @Test
    void aLogMayStartAnywhereInItsFile() {
        for (final int offset : new int[] {1, 3, 4095, 4096, 5001}) {
            Memory.zero(view.address(), FILE);
            try (DirtyLog log = map(offset, 7)) {
                assertEquals(7, log.size());
                log.mark(0, Integer.MAX_VALUE);
                assertEquals(range(8 * offset, 8 * (offset + 7)), bits(), "the log ends after its size");
            }
        }
    }

    @Test
    void pagesThatTheLogDoesNotCoverAreNotMarked() {
        try (DirtyLog log = map(100, 100)) {
            log.mark(800 * 4096, 1);
            log.mark(-1, 1);
            log.mark(-1, 2);
            log.mark(-4096, 8192);
            log.mark(Long.MAX_VALUE, Integer.MAX_VALUE);
            log.mark(Long.MIN_VALUE, 4096);
            log.mark(4096, 0);
            log.mark(4096, -1);
            assertTrue(bits().isEmpty(), () -> bits().toString());
            log.mark(799 * 4096, 8192);
            assertEquals(range(1599, 1600), bits());
        }
    }

    @Test
    void aMarkKeepsOtherBitsAndSetsClearedOnesAgain() throws InterruptedException {
        Memory.putByte(view.address(), (byte) 0xA0);
        try (DirtyLog log = map(0, FILE)) {
            log.mark(0, 1);
            assertEquals((byte) 0xA1, Memory.getByte(view.address()));
            Memory.putByte(view.address(), (byte) 0);
            log.mark(0, 1);
            assertEquals(1, Memory.getByte(view.address()));
            Memory.zero(view.address(), FILE);
            final Thread[] threads = new Thread[4];
            for (int t = 0; t < threads.length; t++) {
                final int first = t;
                threads[t] = Thread.ofPlatform().start(() -> {
                    for (long page = first; page < 8 * FILE; page += threads.length) {
                        log.mark(page * DirtyLog.PAGE_SIZE, 1);
                    }
                });
            }
            for (final Thread thread : threads) {
                thread.join();
            }
            assertEquals(range(0, 8 * FILE), bits(), "threads that mark neighbouring pages lose no bit");
        }
    }

    @Test
    void aLogThatTheFileDoesNotCoverIsRefused() throws Exception {
        final long before = OpenDescriptors.count();
        final long[][] bad = {{0, 0}, {0, -1}, {-1, 1}, {0, FILE + 1}, {FILE, 1}, {1, FILE}, {Long.MAX_VALUE, 1},
            {1, Long.MAX_VALUE}, {Long.MAX_VALUE, Long.MAX_VALUE}, {Long.MIN_VALUE, Long.MIN_VALUE}, {4096, -4096}};
        for (final long[] numbers : bad) {
            assertThrows(MemoryException.class, () -> map(numbers[0], numbers[1]),
                () -> numbers[0] + ", " + numbers[1]);
        }
        assertEquals(before, OpenDescriptors.count(), "refused descriptors are closed");
    }

    @Test
    void aLogWhoseFileWasTruncatedIsNotIntact() {
        try (DirtyLog log = map(4096, 8192)) {
            assertTrue(log.intact());
            file.resize(3 * 4096 - 1);
            assertFalse(log.intact());
            assertThrows(InternalError.class, () -> {
                file.resize(0);
                for (long page = 0; page < 8 * 8192; page++) {
                    log.mark(page * DirtyLog.PAGE_SIZE, 1);
                }
            });
        }
    }

    @Test
    void findHostReturnsTheRegionOfATranslatedAddress() {
        final SplittableRandom random = new SplittableRandom(8);
        final List<MemoryRegion> regions = new ArrayList<>();
        try (MemFd memory = MemFd.create("guest", 64 * 4096)) {
            for (int i = 0; i < 60; i++) {
                regions.add(MemoryRegion.map(0x1000_0000L * random.nextInt(1, 4) + 0x10_0000L * i + 123, 4096 + i,
                    0x7000_0000_0000L + i * 8192L, i * 2048L, Fd.duplicate(memory.fd())));
            }
            final GuestMemory guest = GuestMemory.of(regions);
            for (final MemoryRegion region : regions) {
                for (final long offset : new long[] {0, 1, region.size() - 1}) {
                    final int found = guest.findHost(guest.translate(region.guestAddress() + offset, 1));
                    assertEquals(region.guestAddress(), guest.guestStart(found));
                    assertEquals(region.hostAddress(), guest.hostStart(found));
                }
            }
            assertEquals(-1, guest.findHost(0));
            assertEquals(-1, guest.findHost(-1));
            assertEquals(-1, GuestMemory.NONE.findHost(1));
            regions.forEach(MemoryRegion::close);
        }
    }
}
