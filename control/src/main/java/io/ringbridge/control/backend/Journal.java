package io.ringbridge.control.backend;

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
 * A file that holds the position of one packed ring, and the chains that are out of it, for a back-end that comes after this one.
 *
 * <pre>
 *     0  u64 "RINGBRJ1"
 *     8  u32 entries of the ring
 *    12  u32 1 while the ring runs; what follows is of no use otherwise
 *    16  u64 device, u64 inode, u64 offset: the file that holds the ring's descriptors, and where in it they are
 *    40  u32 where the front-end believes the ring to stand
 *  4096  the ring's region, in the layout of an in-flight area
 * </pre>
 *
 * <p>The head is written by the session's thread, and made void while it changes; the region by the worker. A killed process has made its
 * stores up to some point of the program and none after it, so the order of stores is all that it takes to be right at any moment.
 */
final class Journal implements AutoCloseable {
    private static final long MAGIC = 0x314A_5242_474E_4952L;
    private static final int SIZE = 8;
    private static final int RUNS = 12;
    private static final int DEVICE = 16;
    private static final int INODE = 24;
    private static final int OFFSET = 32;
    private static final int TOLD = 40;
    private static final int HEAD = 4096;

    private final Mapping head;
    private final InflightArea area;
    private final InflightRegion region;

    private Journal(final Mapping head, final InflightArea area) {
        this.head = head;
        this.area = area;
        region = area.region(0, area.queueSize(), true);
    }

    /**
     * Opens a journal, and makes it where there is none for a ring of this size.
     *
     * @throws IOException when the file cannot be made, or there is no room for it
     */
    static Journal open(final Path path, final int size) throws IOException {
        final long length = HEAD + InflightArea.bytes(1, size, true);
        if (Files.exists(path, LinkOption.NOFOLLOW_LINKS) && !Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)) {
            throw new IOException(path + " is not a regular file; it is not replaced");
        }
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            if (file.length() != length) {
                file.setLength(0);
                file.write(new byte[(int) length]); // and not only made as long: a store where there is no room would be a fault
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

    /** Where the ring's chains are to be recorded. */
    InflightRegion region() {
        return region;
    }

    /** Whether it is of this very ring, and was not made void. */
    boolean isOf(final FilePlace place) {
        final long at = head.address();
        return Memory.getLong(at) == MAGIC && Memory.getInt(at + SIZE) == area.queueSize() && runs() && place().equals(place);
    }

    /**
     * Whether it tells where its ring stands better than the front-end: the front-end has learned nothing since, at most done something by
     * itself, and the ring shows what it says.
     */
    boolean tells(final RingAddresses addresses, final int told) {
        return region.fits(area.queueSize(), addresses, told(), told);
    }

    /** Whether it has its ring stand where it is known to stand, so that nothing of it need change. */
    boolean stands(final int told, final int base) {
        return told() == told && region.standsAt(base);
    }

    /** What it has of its ring, for people. */
    String description() {
        return String.format("0x%04x, for a front-end that has it at 0x%08x", region.position(), told());
    }

    /** Takes over where the front-end believes the ring to stand, while it goes on where this has it. */
    void told(final int told) {
        Memory.putInt(head.address() + TOLD, told);
    }

    private int told() {
        return Memory.getInt(head.address() + TOLD);
    }

    private boolean runs() {
        return Memory.getInt(head.address() + RUNS) == 1;
    }

    private FilePlace place() {
        final long at = head.address();
        return new FilePlace(Memory.getLong(at + DEVICE), Memory.getLong(at + INODE), Memory.getLong(at + OFFSET));
    }

    /**
     * Begins anew, with no chain out.
     *
     * @param told where the front-end believes the ring to stand
     * @param base where it stands; nothing is recorded before it runs where that is the same
     */
    void begin(final FilePlace place, final int told, final int base) {
        end();
        if (base == told) {
            region.clear();
        } else {
            region.begin(base);
        }
        final long at = head.address();
        Memory.putLong(at, MAGIC);
        Memory.putInt(at + SIZE, area.queueSize());
        told(told);
        runsAt(place);
    }

    private void runsAt(final FilePlace place) {
        final long at = head.address();
        Memory.putLong(at + DEVICE, place.device());
        Memory.putLong(at + INODE, place.inode());
        Memory.putLong(at + OFFSET, place.offset());
        Memory.putShortRelease(at + RUNS, (short) 1);
    }

    /** Takes over where the ring runs now. Void for a moment only where that is another place, and not just another address. */
    void moved(final FilePlace place) {
        if (runs() && !place().equals(place)) {
            end();
            runsAt(place);
        }
    }

    /** Makes it void. */
    void end() {
        Memory.putShortRelease(head.address() + RUNS, (short) 0);
        Memory.fullFence();
    }

    /** Unmaps; the ring has to be stopped. */
    @Override
    public void close() {
        area.close();
        head.close();
    }
}
