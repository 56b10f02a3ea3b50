package io.ringbridge.control.backend.memory;

import io.ringbridge.control.backend.ring.Rings;
import io.ringbridge.control.handover.HandOverSections;
import io.ringbridge.control.handover.Sections;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.protocol.Codec;
import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.Message.Region;
import io.ringbridge.control.protocol.Outcome;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.control.transport.Descriptors;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.MemoryFiles;
import io.ringbridge.datapath.memory.MemoryRegion;
import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The guest memory of one session (vhost-user, "Memory regions description"). A region is unmapped only after the rings
 * and their workers have moved to a table without it.
 *
 * <p>Owned by the session's thread.
 */
public final class MemoryTable implements AutoCloseable {
    private final Rings rings;
    private final Postcopy postcopy;
    private final MemoryFiles files;
    private List<MemoryRegion> regions = List.of();
    /** The regions that the front-end still has to confirm, in postcopy; null if there are none. */
    private @Nullable List<MemoryRegion> proposed;
    /** The number of additional times that a region was added. */
    private final Map<MemoryRegion, Integer> repeats = new HashMap<>();

    public MemoryTable(final Rings rings, final Postcopy postcopy, final MemoryFiles files) {
        this.rings = rings;
        this.postcopy = postcopy;
        this.files = files;
    }

    /**
     * Serves SET_MEM_TABLE: replaces all regions. While pages may be missing, the front-end has to confirm the new
     * regions first.
     *
     * @return the proposed regions if the front-end has to confirm them
     */
    public Outcome setMemTable(final List<Region> wanted, final Descriptors descriptors) {
        if (proposed != null && wanted.isEmpty()) {
            confirm(0); // a confirmation has the same bytes as an empty table
            return Outcome.DONE;
        }
        final List<MemoryRegion> mapped = new ArrayList<>(wanted.size());
        final GuestMemory next;
        try {
            for (int i = 0; i < wanted.size(); i++) {
                mapped.add(map(wanted.get(i), descriptors.take(i)));
            }
            next = GuestMemory.of(mapped);
            if (postcopy.isListening()) {
                final List<Region> reported = new ArrayList<>();
                for (int i = 0; i < wanted.size(); i++) {
                    reported.add(reported(wanted.get(i), mapped.get(i)));
                }
                propose(mapped);
                return new Outcome.Reply(Codec.encode(new Message.SetMemTable(reported)));
            }
        } catch (final RuntimeException e) {
            mapped.forEach(this::unmap);
            throw e;
        }
        postcopy.cancelAdvice();
        repeats.clear();
        install(next, regions);
        return Outcome.DONE;
    }

    /** Returns the region for the reply: its user address is the one at which missing pages are reported. */
    private Region reported(final Region wanted, final MemoryRegion region) {
        return new Region(wanted.guestAddress(), wanted.size(), postcopy.watch(region), wanted.offset());
    }

    private void propose(final List<MemoryRegion> next) {
        final List<MemoryRegion> former = proposed == null ? List.of() : proposed;
        final List<MemoryRegion> latter = List.copyOf(next);
        proposed = latter;
        former.stream()
            .filter(region -> !regions.contains(region) && !latter.contains(region))
            .forEach(this::unmap);
    }

    /**
     * Serves a confirmation: the front-end knows the regions' addresses, and provides their missing pages from now on.
     *
     * @param result 0 if the front-end accepts the proposed regions
     */
    public void confirm(final long result) {
        if (proposed == null) {
            throw ProtocolException.refused("no memory table waits to be confirmed");
        }
        final List<MemoryRegion> next = result == 0 ? proposed : regions;
        propose(next);
        proposed = null;
        repeats.keySet().retainAll(next);
        if (!next.equals(regions)) {
            install(GuestMemory.of(next), regions.stream().filter(region -> !next.contains(region)).toList());
        }
    }

    /**
     * Serves a confirmation without a request number, which QEMU sends for a table without new regions.
     *
     * @return whether the message is such a confirmation
     */
    public boolean confirmIfMeant(final Header header) {
        final boolean confirmed = postcopy.isListening() && header.request() == 0 && header.size() == Long.BYTES;
        if (confirmed && proposed != null) {
            confirm(0);
        }
        return confirmed;
    }

    /**
     * Serves ADD_MEM_REG. A region of the same file that is there already is only counted: QEMU before 8 adds and
     * removes every region once per queue pair.
     *
     * @return the proposed region if the front-end has to confirm it
     */
    public Outcome addMemReg(final Region wanted, final Descriptors descriptors) {
        final MemoryRegion added = map(wanted, descriptors.take(0));
        final List<MemoryRegion> all = new ArrayList<>(proposed == null ? regions : proposed);
        for (final MemoryRegion region : all) {
            if (region.sameAs(added)) {
                added.close();
                repeats.merge(region, 1, Integer::sum);
                return postcopy.isListening() ? propose(wanted, region, all) : Outcome.DONE;
            }
        }
        final GuestMemory next;
        try {
            all.add(added);
            next = GuestMemory.of(all);
            if (postcopy.isListening()) {
                return propose(wanted, added, all);
            }
        } catch (final RuntimeException e) {
            unmap(added);
            throw e;
        }
        postcopy.cancelAdvice();
        install(next, List.of());
        return Outcome.DONE;
    }

    private Outcome propose(final Region wanted, final MemoryRegion added, final List<MemoryRegion> all) {
        final Region reported = reported(wanted, added);
        propose(all);
        return new Outcome.Reply(Codec.encode(new Message.AddMemReg(reported)));
    }

    /** Serves REM_MEM_REG. */
    public void remMemReg(final Region unwanted) {
        final List<MemoryRegion> rest = new ArrayList<>(proposed == null ? regions : proposed);
        for (final MemoryRegion region : List.copyOf(rest)) {
            if (region.matches(unwanted.guestAddress(), unwanted.size(), unwanted.userAddress())) {
                if (repeats.computeIfPresent(region, (_, count) -> count - 1) != null) {
                    repeats.remove(region, 0);
                    return;
                }
                rest.remove(region);
                if (proposed != null) {
                    propose(rest);
                    rest.retainAll(regions);
                }
                if (regions.contains(region)) {
                    install(GuestMemory.of(rest), List.of(region));
                }
                return;
            }
        }
        throw ProtocolException.refused("no region is at guest address 0x" + Long.toHexString(unwanted.guestAddress())
            + ", user address 0x" + Long.toHexString(unwanted.userAddress()) + ", size 0x"
            + Long.toHexString(unwanted.size()));
    }

    private MemoryRegion map(final Region region, final int fd) {
        return MemoryRegion.map(region.guestAddress(), region.size(), region.userAddress(), region.offset(),
            files.accept(fd, "region at guest address 0x" + Long.toHexString(region.guestAddress())));
    }

    private void install(final GuestMemory next, final List<MemoryRegion> retired) {
        final String uncovered;
        regions = next.regions();
        uncovered = rings.remap(postcopy.arriving(next));
        retired.forEach(this::unmap);
        rings.startComplete();
        if (!uncovered.isEmpty()) {
            throw ProtocolException.refused("vring " + uncovered
                + " is no longer in the guest's memory, and was stopped");
        }
    }

    private void unmap(final MemoryRegion region) {
        postcopy.unwatch(region);
        region.close();
    }

    /** Serves POSTCOPY_LISTEN: pages of memory that is shared from now on may be missing. */
    public void postcopyListen() {
        postcopy.listen(!regions.isEmpty());
    }

    /**
     * Serves POSTCOPY_END: no page is missing any more.
     *
     * @return false if no such migration was announced
     */
    public boolean postcopyEnd() {
        if (proposed != null) {
            propose(regions);
            proposed = null;
        }
        return postcopy.end(() -> install(GuestMemory.of(regions), List.of()));
    }

    /** Writes the regions for another process. */
    public void save(final StateWriter out) {
        out.section(HandOverSections.MEMORY, this::saveRegions);
    }

    private void saveRegions(final StateWriter out) {
        out.number(regions.size());
        for (final MemoryRegion region : regions) {
            out.wide(region.guestAddress()).wide(region.size()).wide(region.userAddress()).wide(region.offset());
            out.number(repeats.getOrDefault(region, 0)).descriptor(region.fd());
        }
    }

    /** Maps the regions of another process. There must be none yet. */
    public void restore(final Sections sections) {
        final StateReader in = sections.get(HandOverSections.MEMORY);
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

    /** Unmaps everything. The port must be detached before. */
    @Override
    public void close() {
        propose(List.of());
        regions.forEach(MemoryRegion::close);
        regions = List.of();
    }
}
