package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Iotlb;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.memory.TouchedRanges;

/**
 * How a ring finds the buffers that its driver names, through the region last hit: what is the same whatever the ring's layout.
 *
 * <p>Behind an IOMMU the driver's addresses are found in the front-end's translations. The entry hit last serves as the queue's cache, so
 * that a ring is to be taken from in one direction only. Of memory that is still on its way the pages that have come count as a region, as
 * many as lie behind each other. A chain for which a translation, or a page, is not there stays in the ring, as if it were not available
 * yet, and {@link #isWaiting} says so; nothing of it was taken.
 *
 * <p>Owned by one worker.
 */
public abstract sealed class ChainMemory permits DeviceRing {
    private static final long IN_PAGE = Memory.pageSize() - 1L;
    /** The weight of a search for a region, or an entry of the translations. */
    private static final int LOOK_UP = 8;

    final boolean indirect;
    private GuestMemory memory;
    /** How addresses are found behind an IOMMU; null where they are guest addresses. */
    private Translation translation;
    /** What it waits for of memory that is still on its way; null where all is there. */
    private MissingPage missing;
    private boolean mayWait;
    /** Receives what the device may write of a chain that it also reads; null in a ring whose chains go in one direction. */
    private Segments answer;
    private int work;
    private long regionStart;
    private long regionSize;
    private long regionHost;
    /** The descriptor of an indirect table that was read last; 0 if none was. */
    private long lastEntry;

    ChainMemory(final GuestMemory memory, final boolean indirect) {
        this.indirect = indirect;
        translation = memory.iotlb() == null ? null : new Translation(memory.iotlb());
        take(memory);
    }

    /** Takes over another memory table. No chain may be out. */
    final void take(final GuestMemory newMemory) {
        memory = newMemory;
        regionSize = 0;
        if (translation != null) {
            translation.take(newMemory.iotlb());
        }
        missing = MissingPage.of(newMemory.incoming());
        mayWait = translation != null || missing != null;
    }

    final GuestMemory memory() {
        return memory;
    }

    /**
     * Takes over translations that tell of a range what was not told before; what they told already is as it was. Chains may be out.
     *
     * @param last the range's last address
     */
    public final void translations(final GuestMemory newMemory, final long first, final long last) {
        memory = newMemory;
        if (translation != null) {
            translation.take(newMemory.iotlb(), first, last);
        }
    }

    /** How it finds what its driver names behind an IOMMU; null where it is behind none. */
    public final Translation translation() {
        return translation;
    }

    /** What it waits for of memory that is still on its way; null where all is there. */
    public final MissingPage missingPage() {
        return missing;
    }

    /** Whether a chain may have to stay where it is. */
    public final boolean mayWait() {
        return mayWait;
    }

    /** Whether the next chain stays where it is for want of a translation, or of a page. */
    public final boolean isWaiting() {
        return mayWait && (lacksPage() || lacksTranslation());
    }

    /** Whether the next chain stays where it is for want of a page. */
    public final boolean lacksPage() {
        return missing != null && missing.isLacking();
    }

    /** Whether the next chain stays where it is for want of a translation. */
    public final boolean lacksTranslation() {
        return translation != null && translation.isLacking();
    }

    /**
     * Allows chains that the device reads first and then writes. {@link DeviceRing#next} takes their front.
     *
     * @param written receives the pieces that the device may write, after what it holds already
     */
    public final void takeAnswers(final Segments written) {
        answer = written;
    }

    /** Begins or ends taking chains which may be put back, so that a refused translation is not used up. */
    final void look(final boolean begins) {
        if (translation != null) {
            translation.looking(begins);
        }
    }

    /**
     * Returns the descriptors read, pieces found and look-ups made since {@link #clearWork}, weighted by what they cost. A chain that is
     * one buffer in one piece, in the region last hit, counts nothing: that is what nearly all are.
     */
    public final int work() {
        return work;
    }

    /** Counts from zero again. */
    public final void clearWork() {
        work = 0;
    }

    /** Counts one descriptor that has been read. */
    final void countDescriptor() {
        work++;
    }

    /** Begins to follow a chain that is not one buffer in one piece. */
    final void beginChain() {
        if (translation != null) {
            translation.begin();
        }
        if (missing != null) {
            missing.begin();
        }
    }

    /** Whether a chain that could not be followed is to wait for a translation, or a page; else it is bad. */
    final boolean isToWait() {
        return lacksPage() || translation != null && translation.waits();
    }

    /**
     * Appends a descriptor's buffer to a chain, in one piece a region it lies in.
     *
     * @return false when it has the wrong direction, is not mapped all over, or makes the chain too long
     */
    final boolean append(final Segments chain, final long guestAddress, final int length, final int flags, final boolean writable) {
        if ((flags & Descriptor.WRITE) != 0 != writable) {
            return answer != null && !writable && appendAnswer(guestAddress, length);
        }
        return (answer == null || answer.count() == 0) && append(chain, guestAddress, length, writable);
    }

    /** Appends to the answer, without what was last hit for reading: an IOMMU may allow the one and not the other. */
    private boolean appendAnswer(final long guestAddress, final int length) {
        regionSize = 0;
        final boolean appended = append(answer, guestAddress, length, true);
        regionSize = 0;
        return appended;
    }

    private boolean append(final Segments chain, final long guestAddress, final int length, final boolean writable) {
        long at = guestAddress;
        long left = length & 0xFFFF_FFFFL;
        while (left > 0) {
            if (!hit(at, writable)) {
                lacks(at, writable);
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
     * Appends the buffers of an indirect table, which may itself lie across regions (virtio 1.2, sections 2.7.5.3 and 2.8.7).
     *
     * @param linked whether its descriptors name their followers, as in a split ring; else they follow each other, all of them
     * @return false when the table or one of its descriptors breaks the rules
     */
    final boolean appendTable(final Segments chain, final long table, final int bytes, final boolean writable, final boolean linked) {
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

    /** Adds the indirect table that was read last to what is touched. */
    final void addTable(final TouchedRanges ranges) {
        if (lastEntry != 0) {
            ranges.add(lastEntry, Descriptor.SIZE, false);
        }
    }

    /** Where a descriptor of an indirect table is, for reading; {@link GuestMemory#UNMAPPED} where it is not, or is still to come. */
    final long entry(final long address) {
        if (missing == null) {
            return translation == null ? translate(address, Descriptor.SIZE, false) : translation.read(address, Descriptor.SIZE);
        }
        final long host = translation == null ? memory.translate(address, Descriptor.SIZE) : translation.read(address, Descriptor.SIZE);
        return host != GuestMemory.UNMAPPED && missing.holds(host, Descriptor.SIZE) ? host : GuestMemory.UNMAPPED;
    }

    /** Where a range is; {@link GuestMemory#UNMAPPED} when it is not wholly inside one region, or one entry of the translations. */
    final long translate(final long address, final long length, final boolean writable) {
        if (!hit(address, writable)) {
            return GuestMemory.UNMAPPED;
        }
        final long offset = address - regionStart;
        return length <= regionSize - offset ? regionHost + offset : GuestMemory.UNMAPPED;
    }

    /** Makes the region that holds an address the one last hit. */
    private boolean hit(final long address, final boolean writable) {
        return Long.compareUnsigned(address - regionStart, regionSize) < 0 || find(address, writable);
    }

    private boolean find(final long address, final boolean writable) {
        work += LOOK_UP;
        return (translation == null ? findRegion(address) : findTranslated(address, writable ? Iotlb.WRITE : Iotlb.READ))
            && (missing == null || narrow(address));
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

    private boolean findTranslated(final long address, final int access) {
        final Iotlb iotlb = translation.iotlb();
        final int entry = iotlb.find(address);
        if (entry < 0 || !iotlb.allows(entry, access)) {
            return false;
        }
        regionStart = iotlb.start(entry);
        regionSize = iotlb.size(entry);
        regionHost = iotlb.host(entry);
        return true;
    }

    /** Leaves of the region that was found the pages from this address on that are there; false where that is none, which is noted. */
    private boolean narrow(final long address) {
        final long offset = address - regionStart;
        final long host = regionHost + offset;
        final long extent = missing.extent(host);
        final long before = Math.min(offset, host & IN_PAGE);
        regionStart = address - before;
        regionHost = host - before;
        regionSize = extent == 0 ? 0 : Math.min(before + extent, before + (regionSize - offset));
        return extent > 0;
    }

    /** Notes what the chain that is being followed cannot do without. A page is noted where it is looked for. */
    private void lacks(final long address, final boolean writable) {
        if (translation != null && !lacksPage()) {
            translation.note(address, writable ? Iotlb.WRITE : Iotlb.READ);
        }
    }
}
