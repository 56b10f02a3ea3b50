package io.ringbridge.datapath.memory;

import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.MemFd;
import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class GuestMemoryTest {
    private static final long PAGE = 4096;

    private static MemoryRegion region(final MemFd file, final long guest, final long size, final long user,
                                       final long offset) {
        return MemoryRegion.map(guest, size, user, offset, Fd.duplicate(file.fd()));
    }

    @Test
    void onlyRangesInsideOneRegionAreTranslated() {
        try (MemFd file = MemFd.create("t", 16 * PAGE);
             MemoryRegion a = region(file, 0x1000, 4 * PAGE, 0x7f00_0000_0000L, 0);
             MemoryRegion b = region(file, 0x10_0000, 2 * PAGE, 0x7f10_0000_0000L, 5 * PAGE + 16)) {
            final GuestMemory memory = GuestMemory.of(List.of(b, a));
            assertEquals(a.hostAddress(), memory.translate(0x1000, 4 * PAGE));
            assertEquals(GuestMemory.UNMAPPED, memory.translate(0x1000, 4 * PAGE + 1));
            assertEquals(GuestMemory.UNMAPPED, memory.translate(0xFFF, 1));
            assertEquals(b.hostAddress() + 7, memory.translate(0x10_0007, 1));
            assertEquals(GuestMemory.UNMAPPED, memory.translate(0x10_0000, -1));
            assertEquals(GuestMemory.UNMAPPED, memory.translate(-1, 1));
            assertEquals(b.hostAddress(), memory.translateUser(0x7f10_0000_0000L, 2 * PAGE));
            assertEquals(GuestMemory.UNMAPPED, memory.translateUser(0x7f10_0000_0000L, 2 * PAGE + 1));
            Memory.putLong(memory.translate(0x10_0000, 8), 0x1122_3344_5566_7788L);
            try (MemoryRegion again = region(file, 0, 16 * PAGE, 0, 0)) {
                assertEquals(0x1122_3344_5566_7788L, Memory.getLong(again.hostAddress() + 5 * PAGE + 16));
            }
        }
    }

    @Test
    void invalidAndOverlappingRegionsAreRefused() {
        try (MemFd file = MemFd.create("t", 4 * PAGE)) {
            for (final long[] bad : new long[][] {
                {0x1000, 0, 0, 0}, {0x1000, 5 * PAGE, 0, 0}, {0x1000, 4 * PAGE, 0, 1}, {0x1000, 1L << 40, 0, 0},
                {0x1000, -1, 0, 0}, {-PAGE, 2 * PAGE, 0, 0}, {0, 2 * PAGE, -PAGE, 0}, {0, PAGE, 0, Long.MAX_VALUE},
                {0, PAGE, 0, -PAGE}}) {
                assertThrows(MemoryException.class, () -> region(file, bad[0], bad[1], bad[2], bad[3]));
            }
            try (MemoryRegion a = region(file, 0, 2 * PAGE, 0, 0);
                 MemoryRegion b = region(file, PAGE, PAGE, 0x10000, 0)) {
                assertThrows(MemoryException.class, () -> GuestMemory.of(List.of(a, b)));
            }
        }
    }

    @Test
    void atMost509RegionsAreAccepted() {
        try (MemFd file = MemFd.create("t", 600 * PAGE)) {
            final List<MemoryRegion> regions = new ArrayList<>();
            for (int i = 0; i < GuestMemory.MAX_REGIONS; i++) {
                regions.add(region(file, 3 * PAGE * i, PAGE, 0x7000_0000_0000L + 2 * PAGE * i, PAGE * i));
            }
            final GuestMemory memory = GuestMemory.of(regions);
            for (int i = 0; i < GuestMemory.MAX_REGIONS; i++) {
                assertEquals(regions.get(i).hostAddress() + 5, memory.translate(3 * PAGE * i + 5, 10));
                assertEquals(GuestMemory.UNMAPPED, memory.translate(3 * PAGE * i + PAGE, 1));
            }
            regions.add(region(file, 1L << 50, PAGE, 1L << 50, 0));
            assertThrows(MemoryException.class, () -> GuestMemory.of(regions));
            regions.forEach(MemoryRegion::close);
        }
    }

    @Test
    void memoryWhoseFileWasTruncatedIsNotIntact() {
        try (MemFd file = MemFd.create("t", 4 * PAGE); MemoryRegion a = region(file, 0, 4 * PAGE, 0, 0)) {
            final GuestMemory memory = GuestMemory.of(List.of(a));
            assertTrue(memory.isIntact());
            file.resize(PAGE);
            assertFalse(memory.isIntact());
        }
    }
}
