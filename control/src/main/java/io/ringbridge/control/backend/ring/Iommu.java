package io.ringbridge.control.backend.ring;

import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.HandOverSections;
import io.ringbridge.control.handover.Sections;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Iotlb;
import io.ringbridge.datapath.ring.Features;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves the front-end's updates of a guest's I/O virtual addresses (vhost-user, "IOMMU support").
 *
 * <p>The table itself is part of the guest's memory, where rings and workers find it. A new entry is added while frames
 * move. Before the reply to a message that removes or replaces an entry, no worker and no frame in flight uses the
 * entry any more. Owned by the session's thread.
 */
public final class Iommu {
    private static final Logger LOG = LoggerFactory.getLogger(Iommu.class);
    private static final long LAST_ADDRESS = -1;
    /** The permissions of an entry that denies its range to the device. Its user address has no meaning. */
    private static final int NO_ACCESS = 0;

    private final String port;
    private final Rings rings;

    public Iommu(final String port, final Rings rings) {
        this.port = port;
        this.rings = rings;
    }

    /**
     * Serves IOTLB_MSG, whose reply is sent whether an acknowledgement is requested or not.
     *
     * @return false if the message is refused
     */
    public boolean iotlbMsg(final Message.Iotlb message) {
        try {
            if (rings.memory().iotlb() == null) {
                throw ProtocolException.refused("feature access_platform is not negotiated");
            }
            switch (message.type()) {
                case Message.Iotlb.UPDATE -> update(message);
                case Message.Iotlb.INVALIDATE -> invalidate(message);
                default -> throw ProtocolException.refused("type " + message.type() + "; allowed: "
                    + Message.Iotlb.UPDATE + " and " + Message.Iotlb.INVALIDATE);
            }
            return true;
        } catch (final ProtocolException e) {
            LOG.warn("port {}: refused {}: {}", port, message.request(), e.getMessage());
            return false;
        }
    }

    /** Writes all entries in the order of arrival. Writes nothing if there is no IOMMU. */
    public void save(final StateWriter out) {
        final Iotlb table = rings.memory().iotlb();
        if (table != null) {
            out.section(HandOverSections.IOTLB, section -> save(table, section));
        }
    }

    private static void save(final Iotlb table, final StateWriter out) {
        final int[] entries = table.byArrival();
        out.number(entries.length);
        for (final int entry : entries) {
            out.wide(table.start(entry)).wide(table.size(entry)).wide(table.user(entry)).number(table.access(entry));
        }
    }

    /**
     * Restores the entries from another process, if an IOMMU is negotiated. Memory is restored before, and rings after.
     * The front-end is asked again for entries that are missing.
     */
    public void restore(final Sections in, final long features) {
        if (Features.has(features, Features.ACCESS_PLATFORM)) {
            final Iotlb table = in.find(HandOverSections.IOTLB).map(this::table).orElse(Iotlb.EMPTY);
            rings.addTranslations(table, 0, LAST_ADDRESS);
        }
    }

    private Iotlb table(final StateReader in) {
        Iotlb table = Iotlb.EMPTY;
        for (int left = in.count(Iotlb.MAX_ENTRIES); left > 0; left--) {
            final Message.Iotlb entry =
                new Message.Iotlb(in.wide(), in.wide(), in.wide(), in.number(), Message.Iotlb.UPDATE);
            check(entry);
            final long last = entry.address() + (entry.size() - 1);
            final long host = rings.memory().translateUser(entry.userAddress(), entry.size());
            if (host == GuestMemory.UNMAPPED && entry.permissions() != NO_ACCESS
                || table.overlaps(entry.address(), last)) {
                throw new HandOverException("the translation of 0x" + Long.toHexString(entry.address())
                    + " is in none of the memory regions, or overlaps another");
            }
            table = table.with(entry.address(), entry.size(), entry.userAddress(), host, entry.permissions());
        }
        return table;
    }

    private static void check(final Message.Iotlb entry) {
        final long first = entry.address();
        final long last = first + (entry.size() - 1);
        if (entry.size() <= 0 || Long.compareUnsigned(last, first) < 0
            || (entry.permissions() & ~(Iotlb.READ | Iotlb.WRITE)) != 0) {
            throw ProtocolException.refused("entry at 0x" + Long.toHexString(first) + ", size 0x"
                + Long.toHexString(entry.size()) + ", permissions " + entry.permissions()
                + ": the size must be positive, the end must not overflow, permissions must be 0 to 3");
        }
    }

    private static void checkUser(final Message.Iotlb entry, final GuestMemory memory) {
        for (long done = 0; done < entry.size(); done += memory.userExtent(entry.userAddress() + done)) {
            if (memory.userExtent(entry.userAddress() + done) == 0) {
                throw ProtocolException.refused("entry at 0x" + Long.toHexString(entry.address()) + ": user address 0x"
                    + Long.toHexString(entry.userAddress() + done) + " is in none of the memory regions");
            }
        }
    }

    private void update(final Message.Iotlb entry) {
        check(entry);
        final GuestMemory memory = rings.memory();
        final long first = entry.address();
        final long last = first + (entry.size() - 1);
        if (entry.permissions() != NO_ACCESS) {
            checkUser(entry, memory);
        }
        final Iotlb table = rings.translations();
        if (table.contains(first, entry.size(), entry.userAddress(), entry.permissions())) {
            rings.addTranslations(table, first, last); // two queues may have requested the same
            return;
        }
        if (table.overlaps(first, last)) {
            rings.removeTranslations(first, last);
        }
        rings.addTranslations(with(entry), first, last);
    }

    /**
     * Returns the table with an additional entry per memory region, since regions are not contiguous in this process.
     */
    private Iotlb with(final Message.Iotlb entry) {
        final GuestMemory memory = rings.memory();
        Iotlb table = rings.translations();
        if (entry.permissions() == NO_ACCESS) {
            return table.with(entry.address(), entry.size(), entry.userAddress(), GuestMemory.UNMAPPED, NO_ACCESS);
        }
        long done = 0;
        while (done < entry.size()) {
            final long user = entry.userAddress() + done;
            final long size = Math.min(entry.size() - done, memory.userExtent(user));
            final long host = memory.translateUser(user, size);
            table = table.with(entry.address() + done, size, user, host, entry.permissions());
            done += size;
        }
        return table;
    }

    /**
     * Removes the translations of a range. The range ends with the last address at the latest; size 0 at address 0
     * means all.
     */
    private void invalidate(final Message.Iotlb range) {
        final long first = range.address();
        if (range.size() == 0 && first != 0) {
            throw ProtocolException.refused("invalidation at 0x" + Long.toHexString(first)
                + " has size 0; the size must be positive");
        }
        final long last = first + (range.size() - 1);
        rings.removeTranslations(first, Long.compareUnsigned(last, first) < 0 ? LAST_ADDRESS : last);
    }
}
