package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Iotlb;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.memory.TouchedRanges;
import org.jspecify.annotations.Nullable;

/**
 * Translates the buffer addresses of descriptor chains, for rings of any layout. A search first tries the region hit
 * last.
 *
 * <p>Behind an IOMMU, the front-end's IOTLB translates the driver's addresses. The entry hit last serves as the queue's
 * cache, so chains of a ring must all have the same direction. During postcopy migration, each run of contiguous pages
 * that have arrived counts as a region.
 *
 * <p>A chain whose translation or page is missing stays in the ring, as if the driver had not made it available.
 * {@link #isWaiting} then returns true.
 *
 * <p>Owned by one worker.
 */
public abstract sealed class ChainMemory permits DeviceRing {
    private static final long IN_PAGE = Memory.pageSize() - 1L;
    /** The weight of a search for a region or an IOTLB entry, in units of {@link #work}. */
    private static final int SEARCH_WORK = 8;

    final boolean indirect;
    private GuestMemory memory;
    /** The translation behind an IOMMU; null if descriptors carry guest addresses. */
    private @Nullable Translation translation;
    /** The page that the ring waits for during postcopy; null if all memory is present. */
    private @Nullable MissingPage missing;
    private boolean mayWait;
    /** Receives the writable pieces of a chain that the device also reads; null if chains have one direction. */
    private @Nullable Segments answer;
    private int work;
    private long regionStart;
    private long regionSize;
    private long regionHost;
    /** The address of the indirect descriptor that was read last; 0 if none was. */
    private long lastEntry;

    ChainMemory(final GuestMemory memory, final boolean indirect) {
        this.indirect = indirect;
        translation = memory.iotlb() == null ? null : new Translation(memory.iotlb());
        setMemory(memory);
    }

    /** Replaces the memory table. No chain may be in flight. */
    final void setMemory(final GuestMemory newMemory) {
        memory = newMemory;
        regionSize = 0;
        if (translation != null) {
            translation.replace(translationsOf(newMemory));
        }
        missing = MissingPage.of(newMemory.incoming());
        mayWait = translation != null || missing != null;
    }

    private static Iotlb translationsOf(final GuestMemory newMemory) {
        final Iotlb iotlb = newMemory.iotlb();
        assert iotlb != null : "a ring stays behind its IOMMU";
        return iotlb;
    }

    final GuestMemory memory() {
        return memory;
    }

    /**
     * Adds translations for a range. Existing translations must be unchanged. Chains may be in flight.
     *
     * @param last the range's last address
     */
    public final void translations(final GuestMemory newMemory, final long first, final long last) {
        memory = newMemory;
        if (translation != null) {
            translation.extend(translationsOf(newMemory), first, last);
        }
    }

    /** Returns the translation, or null if the ring is not behind an IOMMU. */
    public final @Nullable Translation translation() {
        return translation;
    }

    /** Returns the page that the ring may wait for, or null if all memory is present. */
    public final @Nullable MissingPage missingPage() {
        return missing;
    }

    /** Whether a chain may have to wait for a translation or a page. */
    public final boolean mayWait() {
        return mayWait;
    }

    /** Whether the next chain waits for a translation or a page. */
    public final boolean isWaiting() {
        return mayWait && (lacksPage() || lacksTranslation());
    }

    /** Whether the next chain waits for a page. */
    public final boolean lacksPage() {
        return missing != null && missing.isMissing();
    }

    /** Whether the next chain waits for a translation. */
    public final boolean lacksTranslation() {
        return translation != null && translation.isMissing();
    }

    /**
     * Allows chains that the device first reads and then writes. {@link DeviceRing#next} returns their readable pieces.
     *
     * @param written the writable pieces are appended to this list
     */
    public final void takeAnswers(final Segments written) {
        answer = written;
    }

    /** Sets whether taking a chain leaves a refusal in force, because the chain may be put back. */
    final void keepRefusal(final boolean keep) {
        if (translation != null) {
            translation.keepRefusal(keep);
        }
    }

    /**
     * Returns the descriptors read, pieces found and searches made since {@link #clearWork}, weighted by cost. A chain
     * of one buffer in one piece, in the region hit last, counts nothing: nearly all chains are like that.
     */
    public final int work() {
        return work;
    }

    /** Resets {@link #work} to zero. */
    public final void clearWork() {
        work = 0;
    }

    /** Counts a descriptor that was read. */
    final void countDescriptor() {
        work++;
    }

    /** Prepares for a chain that is not a single buffer in one piece. */
    final void beginChain() {
        if (translation != null) {
            translation.begin();
        }
        if (missing != null) {
            missing.begin();
        }
    }

    /** Whether a chain that could not be followed should wait for a translation or a page. If not, it is bad. */
    final boolean shouldWait() {
        return lacksPage() || translation != null && translation.shouldWait();
    }

    /**
     * Appends a descriptor's buffer to a chain, as one piece per region that the buffer spans.
     *
     * @return false if the buffer has the wrong direction, is not fully mapped, or makes the chain too long
     */
    final boolean append(final Segments chain, final long guestAddress, final int length, final int flags,
                         final boolean writable) {
        if ((flags & Descriptor.WRITE) != 0 != writable) {
            return answer != null && !writable && appendAnswer(answer, guestAddress, length);
        }
        return (answer == null || answer.count() == 0) && append(chain, guestAddress, length, writable);
    }

    /** Appends to the answer. The region hit for reading is not used: an IOMMU may allow reads and forbid writes. */
    private boolean appendAnswer(final Segments chain, final long guestAddress, final int length) {
        regionSize = 0;
        final boolean appended = append(chain, guestAddress, length, true);
        regionSize = 0;
        return appended;
    }

    private boolean append(final Segments chain, final long guestAddress, final int length, final boolean writable) {
        long at = guestAddress;
        long left = length & 0xFFFF_FFFFL;
        while (left > 0) {
            if (!hit(at, writable)) {
                recordMissing(at, writable);
                return false;
            }
            final long offset = at - regionStart;
            final int piece = (int) Math.min(Math.min(left, regionSize - offset), Integer.MAX_VALUE);
            if (!chain.add(regionHost + offset, piece)) {
                return false;
            }
            work++;
            at += piece;
            left -= piece;
        }
        return true;
    }

    /**
     * Appends the buffers of an indirect table, which may itself span regions (virtio 1.2, sections 2.7.5.3 and 2.8.7).
     *
     * @param linked whether descriptors are linked by their next field, as in a split ring; if not, the chain is all
     *     descriptors in order
     * @return false if the table or one of its descriptors breaks the rules
     */
    final boolean appendTable(final Segments chain, final long table, final int bytes, final boolean writable,
                              final boolean linked) {
        final int entries = bytes >>> 4;
        if (!indirect || entries == 0 || (bytes & Descriptor.SIZE - 1) != 0) {
            return false;
        }
        int at = 0;
        for (int n = 1; ; n++) {
            final long descriptor = entry(table + (long) at * Descriptor.SIZE);
            work++;
            if (descriptor == GuestMemory.UNMAPPED) {
                return false;
            }
            lastEntry = descriptor;
            final long address = Memory.getLong(descriptor);
            final long rest = Memory.getLong(descriptor + 8);
            final int flags = Descriptor.flagsInTable(rest, linked, !writable && n == 1 && entries > 1);
            if ((flags & Descriptor.INDIRECT) != 0 || !append(chain, address, (int) rest, flags, writable)) {
                return false;
            }
            if (linked ? (flags & Descriptor.NEXT) == 0 : n == entries) {
                return true;
            }
            at = linked ? (int) (rest >>> 48) : n;
            if (n == Segments.MAX_SEGMENTS || at >= entries) {
                return false;
            }
        }
    }

    /** Adds the indirect descriptor that was read last to the touched ranges. */
    final void addTable(final TouchedRanges ranges) {
        if (lastEntry != 0) {
            ranges.add(lastEntry, Descriptor.SIZE, false);
        }
    }

    /**
     * Translates the address of an indirect descriptor, for reading.
     *
     * @return the address in this process, or {@link GuestMemory#UNMAPPED} if the descriptor is not mapped or its page
     *     has not arrived
     */
    final long entry(final long address) {
        if (missing == null) {
            return translation == null ? translate(address, Descriptor.SIZE, false)
                : translation.read(address, Descriptor.SIZE);
        }
        final long host = translation == null ? memory.translate(address, Descriptor.SIZE)
            : translation.read(address, Descriptor.SIZE);
        return host != GuestMemory.UNMAPPED && missing.isPresent(host, Descriptor.SIZE) ? host : GuestMemory.UNMAPPED;
    }

    /**
     * Translates a range.
     *
     * @return the address in this process, or {@link GuestMemory#UNMAPPED} if the range is not within one region or one
     *     IOTLB entry
     */
    final long translate(final long address, final long length, final boolean writable) {
        if (!hit(address, writable)) {
            return GuestMemory.UNMAPPED;
        }
        final long offset = address - regionStart;
        return length <= regionSize - offset ? regionHost + offset : GuestMemory.UNMAPPED;
    }

    /** Makes the region that contains an address the one hit last. */
    private boolean hit(final long address, final boolean writable) {
        return Long.compareUnsigned(address - regionStart, regionSize) < 0 || find(address, writable);
    }

    private boolean find(final long address, final boolean writable) {
        work += SEARCH_WORK;
        final boolean found = translation == null ? findRegion(address)
            : findTranslated(translation.iotlb(), address, writable ? Iotlb.WRITE : Iotlb.READ);
        return found && (missing == null || narrow(missing, address));
    }

    private boolean findRegion(final long address) {
        final int region = memory.find(address);
        if (region < 0) {
            return false;
        }
        regionStart = memory.guestStart(region);
        regionSize = memory.size(region);
        regionHost = memory.hostStart(region);
        return true;
    }

    private boolean findTranslated(final Iotlb iotlb, final long address, final int access) {
        final int entry = iotlb.find(address);
        if (entry < 0 || !iotlb.allows(entry, access)) {
            return false;
        }
        regionStart = iotlb.start(entry);
        regionSize = iotlb.size(entry);
        regionHost = iotlb.host(entry);
        return true;
    }

    /**
     * Narrows the region that was found to the contiguous pages from this address on that have arrived.
     *
     * @return false if the page at this address has not arrived; it is then recorded as missing
     */
    private boolean narrow(final MissingPage pages, final long address) {
        final long offset = address - regionStart;
        final long host = regionHost + offset;
        final long extent = pages.extent(host);
        final long before = Math.min(offset, host & IN_PAGE);
        regionStart = address - before;
        regionHost = host - before;
        regionSize = extent == 0 ? 0 : Math.min(before + extent, before + (regionSize - offset));
        return extent > 0;
    }

    /** Records the translation that the current chain needs. {@link MissingPage#extent} has recorded a missing page. */
    private void recordMissing(final long address, final boolean writable) {
        if (translation != null && !lacksPage()) {
            translation.recordMissing(address, writable ? Iotlb.WRITE : Iotlb.READ);
        }
    }
}
