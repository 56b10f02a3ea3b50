package io.ringbridge.control.backend;

import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.protocol.Message.Region;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.control.transport.Descriptors;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.MemoryRegion;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The guest memory of one session (vhost-user, "Memory regions description"). A region is unmapped only after the rings, and with
 * them the workers, have moved to a table without it.
 *
 * <p>Owned by the session's thread.
 */
final class MemoryTable implements AutoCloseable {
    private final Rings rings;
    private List<MemoryRegion> regions = List.of();
    /** How often more than once a region was added. */
    private final Map<MemoryRegion, Integer> repeats = new HashMap<>();

    MemoryTable(final Rings rings) {
        this.rings = rings;
    }

    /** SET_MEM_TABLE: other regions in place of all there are. */
    void replace(final List<Region> wanted, final Descriptors descriptors) {
        final List<MemoryRegion> mapped = new ArrayList<>(wanted.size());
        final GuestMemory next;
        try {
            for (int i = 0; i < wanted.size(); i++) {
                mapped.add(map(wanted.get(i), descriptors.take(i)));
            }
            next = GuestMemory.of(mapped);
        } catch (final RuntimeException e) {
            mapped.forEach(MemoryRegion::close);
            throw e;
        }
        repeats.clear();
        install(next, regions);
    }

    /**
     * ADD_MEM_REG. A region that is there already, of the same file, is counted: QEMU before 8 adds every region once a queue pair,
     * and removes it as often.
     */
    void add(final Region wanted, final Descriptors descriptors) {
        final MemoryRegion added = map(wanted, descriptors.take(0));
        for (final MemoryRegion region : regions) {
            if (region.sameAs(added)) {
                added.close();
                repeats.merge(region, 1, Integer::sum);
                return;
            }
        }
        final GuestMemory next;
        try {
            final List<MemoryRegion> all = new ArrayList<>(regions);
            all.add(added);
            next = GuestMemory.of(all);
        } catch (final RuntimeException e) {
            added.close();
            throw e;
        }
        install(next, List.of());
    }

    /** REM_MEM_REG. */
    void remove(final Region unwanted) {
        final List<MemoryRegion> rest = new ArrayList<>(regions);
        for (final MemoryRegion region : regions) {
            if (region.matches(unwanted.guestAddress(), unwanted.size(), unwanted.userAddress())) {
                if (repeats.computeIfPresent(region, (_, count) -> count - 1) != null) {
                    repeats.remove(region, 0);
                    return;
                }
                rest.remove(region);
                install(GuestMemory.of(rest), List.of(region));
                return;
            }
        }
        throw ProtocolException.refused("no region is at guest address 0x" + Long.toHexString(unwanted.guestAddress()) + ", user address 0x"
            + Long.toHexString(unwanted.userAddress()) + ", size 0x" + Long.toHexString(unwanted.size()));
    }

    private static MemoryRegion map(final Region region, final int fd) {
        return MemoryRegion.map(region.guestAddress(), region.size(), region.userAddress(), region.offset(), fd);
    }

    private void install(final GuestMemory next, final List<MemoryRegion> retired) {
        final String uncovered;
        regions = next.regions();
        uncovered = rings.remap(next);
        retired.forEach(MemoryRegion::close);
        rings.startWhatCan();
        if (!uncovered.isEmpty()) {
            throw ProtocolException.refused("vring " + uncovered + " is no longer in the guest's memory, and was stopped");
        }
    }

    /** Writes the regions down, for another process. */
    void save(final StateWriter out) {
        out.number(regions.size());
        for (final MemoryRegion region : regions) {
            out.wide(region.guestAddress()).wide(region.size()).wide(region.userAddress()).wide(region.offset());
            out.number(repeats.getOrDefault(region, 0)).descriptor(region.fd());
        }
    }

    /** Maps the regions of another process, in place of none. */
    void restore(final StateReader in) {
        final List<MemoryRegion> mapped = new ArrayList<>();
        final GuestMemory next;
        try {
            for (int left = in.count(GuestMemory.MAX_REGIONS); left > 0; left--) {
                final Region region = new Region(in.wide(), in.wide(), in.wide(), in.wide());
                final int more = in.number();
                mapped.add(map(region, in.descriptor()));
                if (more > 0) {
                    repeats.put(mapped.getLast(), more);
                }
            }
            next = GuestMemory.of(mapped);
        } catch (final RuntimeException e) {
            mapped.forEach(MemoryRegion::close);
            throw e;
        }
        install(next, List.of());
    }

    /** Unmaps everything; the port has to be detached before. */
    @Override
    public void close() {
        regions.forEach(MemoryRegion::close);
        regions = List.of();
    }
}
