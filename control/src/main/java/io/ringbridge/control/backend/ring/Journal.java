package io.ringbridge.control.backend.ring;

import io.ringbridge.control.transport.Descriptors;
import io.ringbridge.datapath.memory.FilePlace;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.Mapping;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.ring.InflightArea;
import io.ringbridge.datapath.ring.InflightRegion;
import io.ringbridge.datapath.ring.RingAddresses;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;

/**
 * A file that records the position of one packed ring, and its chains in flight, for a later back-end.
 *
 * <pre>
 *     0  u64 "RINGBRJ1"
 *     8  u32 entries of the ring
 *    12  u32 1 while the ring runs; otherwise the rest is void
 *    16  u64 device, u64 inode, u64 offset: the file that contains the ring's descriptors, and their offset in it
 *    40  u32 the ring's position that the front-end knows
 *  4096  the ring's region, in the layout of an in-flight area
 * </pre>
 *
 * <p>The session's thread writes the head, and makes it void while it changes. The worker writes the region. A process
 * that is killed has made its stores up to some point of the program, and none after it. The order of stores therefore
 * keeps the file valid at any moment.
 */
final class Journal implements AutoCloseable {
    private static final long MAGIC = 0x314A_5242_474E_4952L;
    private static final int SIZE = 8;
    private static final int RUNS = 12;
    private static final int DEVICE = 16;
    private static final int INODE = 24;
    private static final int OFFSET = 32;
    private static final int FRONT_END_BASE = 40;
    private static final int HEAD = 4096;

    private final Mapping head;
    private final InflightArea area;
    private final InflightRegion region;

    private Journal(final Mapping head, final InflightArea area) {
        this.head = head;
        this.area = area;
        final InflightRegion only = area.region(0, area.queueSize(), true);
        assert only != null : "the area has one queue";
        region = only;
    }

    /**
     * Opens a journal. Creates it if there is none for a ring of this size.
     *
     * @throws IOException if the file cannot be created, or if there is no room for it
     */
    static Journal open(final Path path, final int size) throws IOException {
        final long length = HEAD + InflightArea.bytes(1, size, true);
        if (Files.exists(path, LinkOption.NOFOLLOW_LINKS) && !Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)) {
            throw new IOException(path + " is not a regular file; it is not replaced");
        }
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            if (file.length() != length) {
                file.setLength(0);
                // Written rather than only extended: a store to a page without disk space would fault.
                file.write(new byte[(int) length]);
            }
            final int fd = Descriptors.number(file.getFD());
            final Mapping head = Mapping.map(fd, 0, HEAD);
            try {
                return new Journal(head, InflightArea.map(Fd.duplicate(fd), HEAD, length - HEAD, 1, size));
            } catch (final RuntimeException e) {
                head.close();
                throw e;
            }
        } catch (final OsException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    /** Returns the record of the ring's chains in flight. */
    InflightRegion region() {
        return region;
    }

    /** Whether the journal records the ring at this place, and is not void. */
    boolean isOf(final FilePlace place) {
        final long at = head.address();
        return Memory.getLong(at) == MAGIC && Memory.getInt(at + SIZE) == area.queueSize() && runs()
            && place().equals(place);
    }

    /**
     * Whether the journal knows the ring's position better than the front-end. For that, the ring must agree with the
     * record. The front-end's position must be the recorded one, or have changed only by chains that the front-end
     * itself has returned.
     */
    boolean isAheadOf(final int frontEndBase, final RingAddresses addresses) {
        return region.fits(area.queueSize(), addresses, frontEndBase(), frontEndBase);
    }

    /** Whether the journal already records these positions, so that nothing in it has to change. */
    boolean records(final int frontEndBase, final int base) {
        return frontEndBase() == frontEndBase && region.standsAt(base);
    }

    /** Returns the recorded positions, for the log. */
    String description() {
        return String.format("0x%04x, and 0x%08x by the front-end", region.position(), frontEndBase());
    }

    /** Records the position that the front-end knows. The ring itself stays at its recorded position. */
    void recordFrontEndBase(final int frontEndBase) {
        Memory.putInt(head.address() + FRONT_END_BASE, frontEndBase);
    }

    private int frontEndBase() {
        return Memory.getInt(head.address() + FRONT_END_BASE);
    }

    private boolean runs() {
        return Memory.getInt(head.address() + RUNS) == 1;
    }

    private FilePlace place() {
        final long at = head.address();
        return new FilePlace(Memory.getLong(at + DEVICE), Memory.getLong(at + INODE), Memory.getLong(at + OFFSET));
    }

    /**
     * Starts a new record, with no chain in flight.
     *
     * @param frontEndBase the position that the front-end knows
     * @param base the ring's position; if it equals {@code frontEndBase}, it is recorded only when the ring runs
     */
    void begin(final FilePlace place, final int frontEndBase, final int base) {
        invalidate();
        if (base == frontEndBase) {
            region.clear();
        } else {
            region.begin(base);
        }
        final long at = head.address();
        Memory.putLong(at, MAGIC);
        Memory.putInt(at + SIZE, area.queueSize());
        recordFrontEndBase(frontEndBase);
        recordPlace(place);
    }

    private void recordPlace(final FilePlace place) {
        final long at = head.address();
        Memory.putLong(at + DEVICE, place.device());
        Memory.putLong(at + INODE, place.inode());
        Memory.putLong(at + OFFSET, place.offset());
        Memory.putShortRelease(at + RUNS, (short) 1);
    }

    /** Records the ring's new place. The journal is void for a moment if the place in the file differs. */
    void move(final FilePlace place) {
        if (runs() && !place().equals(place)) {
            invalidate();
            recordPlace(place);
        }
    }

    /** Makes the journal void. */
    void invalidate() {
        Memory.putShortRelease(head.address() + RUNS, (short) 0);
        Memory.fullFence();
    }

    /** Unmaps the journal. The ring must be stopped. */
    @Override
    public void close() {
        area.close();
        head.close();
    }
}
