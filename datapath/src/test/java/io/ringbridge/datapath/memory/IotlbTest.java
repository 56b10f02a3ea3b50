package io.ringbridge.datapath.memory;

import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.MemFd;
import org.junit.jupiter.api.Test;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The table of I/O virtual addresses, compared with a model that has one entry per page. */
class IotlbTest {
    private static final long PAGE = 4096;
    private static final int BOTH = Iotlb.READ | Iotlb.WRITE;
    private static final long TOP = -16 * PAGE;

    /** A page's address in this process, and the access that the device has. */
    private record Page(long host, int access) { }

    @Test
    void theTableAgreesWithAModelUnderRandomUse() {
        final long seed = 41;
        final SplittableRandom random = new SplittableRandom(seed);
        final Map<Long, Page> model = new HashMap<>();
        Iotlb table = Iotlb.EMPTY;
        for (int round = 0; round < 20_000; round++) {
            // At the start and at the end of the address space.
            final long base = random.nextBoolean() ? 0 : TOP;
            final long first = base + random.nextInt(16) * PAGE;
            final long pages = 1L + random.nextInt(Math.min(4, (int) ((base + 16 * PAGE - first) / PAGE)));
            final long last = first + (pages * PAGE - 1);
            if (random.nextInt(3) > 0 && !table.overlaps(first, last)) {
                final long host = (1 + random.nextInt(64)) * PAGE;
                final int access = 1 + random.nextInt(3);
                table = table.with(first, pages * PAGE, host + 0x7000_0000_0000L, host, access);
                for (long page = 0; page < pages; page++) {
                    model.put(first + page * PAGE, new Page(host + page * PAGE, access));
                }
            } else {
                for (int i = 0; i < table.size(); i++) {
                    if (Long.compareUnsigned(table.start(i), last) <= 0
                        && Long.compareUnsigned(first, table.start(i) + (table.size(i) - 1)) <= 0) {
                        for (long page = 0; page < table.size(i); page += PAGE) {
                            model.remove(table.start(i) + page);
                        }
                    }
                }
                table = table.without(first, last);
                assertFalse(table.overlaps(first, last));
            }
            check(table, model, base + random.nextInt((int) (15 * PAGE)), 1 + random.nextInt((int) (3 * PAGE)),
                1 + random.nextInt(3));
        }
    }

    private static void check(final Iotlb table, final Map<Long, Page> model, final long address, final int length,
                              final int access) {
        final long start = address & -PAGE;
        final Page page = model.get(start);
        final int entry = table.find(address);
        assertEquals(page != null, entry >= 0);
        if (page != null) {
            assertEquals(page.host, table.host(entry) + (start - table.start(entry)));
            assertEquals((page.access & access) == access, table.allows(entry, access));
        }
        long known = 0;
        boolean straight = true;
        for (long at = start; at - address < length; at += PAGE) {
            final Page next = model.get(at);
            if (next == null || (next.access & access) != access) {
                break;
            }
            straight &= next.host == page.host + (at - start);
            known = at + PAGE - address;
            if (at + PAGE == 0) {
                break;
            }
        }
        known = Math.min(known, length);
        assertEquals(known, table.translateKnown(address, length, access));
        assertEquals(known == length && straight ? page.host + (address - start) : GuestMemory.UNMAPPED,
            table.translate(address, length, access));
    }

    @Test
    void aFullTableReplacesItsOldestEntry() {
        Iotlb table = Iotlb.EMPTY;
        for (int i = 0; i < 3 * Iotlb.MAX_ENTRIES; i++) {
            // The addresses are not in ascending order.
            table = table.with((i * 2654435761L & 0xFFFF_FFFFL) * PAGE, PAGE, 0x1000, 0x1000, BOTH);
            assertTrue(table.size() <= Iotlb.MAX_ENTRIES);
        }
        for (int i = 0; i < 3 * Iotlb.MAX_ENTRIES; i++) {
            assertEquals(i >= 2 * Iotlb.MAX_ENTRIES, table.find((i * 2654435761L & 0xFFFF_FFFFL) * PAGE) >= 0,
                "entry " + i);
        }
    }

    @Test
    void aRepeatedTranslationIsRecognized() {
        final Iotlb table = Iotlb.EMPTY.with(0x10_000, 2 * PAGE, 0x7000_0000_0000L, 0x5000, Iotlb.READ);
        assertTrue(table.contains(0x10_000, 2 * PAGE, 0x7000_0000_0000L, Iotlb.READ));
        assertTrue(table.contains(0x11_000, PAGE, 0x7000_0000_1000L, Iotlb.READ), "a part of the entry");
        assertFalse(table.contains(0x11_000, PAGE, 0x7000_0000_0000L, Iotlb.READ), "another address in the front-end");
        assertFalse(table.contains(0x10_000, 2 * PAGE, 0x7000_0000_0000L, BOTH), "more access");
        assertFalse(table.contains(0x11_000, 2 * PAGE, 0x7000_0000_1000L, Iotlb.READ), "beyond the end of the entry");
    }

    @Test
    void entriesMoveWithTheirMemoryRegions() {
        try (MemFd file = MemFd.create("iotlb", 8 * PAGE);
             MemoryRegion first = MemoryRegion.map(0, 4 * PAGE, 0x10_0000, 0, Fd.duplicate(file.fd()));
             MemoryRegion second = MemoryRegion.map(0x100_0000, 4 * PAGE, 0x20_0000, 4 * PAGE, Fd.duplicate(file.fd()));
             MemoryRegion moved = MemoryRegion.map(0x200_0000, 4 * PAGE, 0x20_0000, 0, Fd.duplicate(file.fd()))) {
            final Iotlb table = Iotlb.EMPTY.with(0, PAGE, 0x10_1000, first.hostAddress() + PAGE, BOTH)
                .with(PAGE, PAGE, 0x20_1000, second.hostAddress() + PAGE, Iotlb.READ)
                .with(5 * PAGE, PAGE, 0x20_2000, 1, BOTH);
            final Iotlb over = table.over(GuestMemory.of(List.of(moved)));
            assertEquals(2, over.size());
            assertEquals(-1, over.find(0));
            assertEquals(moved.hostAddress() + PAGE, over.translate(PAGE, PAGE, Iotlb.READ));
            assertEquals(GuestMemory.UNMAPPED, over.translate(PAGE, PAGE, Iotlb.WRITE));
            assertEquals(moved.hostAddress() + 2 * PAGE, over.translate(5 * PAGE, PAGE, BOTH));
            assertEquals(0, table.over(GuestMemory.NONE).size());
        }
    }
}
