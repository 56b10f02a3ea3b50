package io.ringbridge.control.uplink;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;

/**
 * Records frames in the classic pcap format, with nanoseconds. pcap4j's dumper is not used, because it cannot record
 * the original length of a truncated frame. Owned by one thread.
 */
final class CaptureFile implements AutoCloseable {
    private static final int MAGIC_NANOSECONDS = 0xa1b23c4d;
    private static final int FILE_HEADER = 24;
    private static final int RECORD_HEADER = 16;
    private static final int ETHERNET = 1;
    private static final int BUFFER = 1 << 18;

    private final OutputStream out;
    private final int snapLength;
    private final long inode;
    private final ByteBuffer record = ByteBuffer.allocate(RECORD_HEADER).order(ByteOrder.nativeOrder());

    /** Creates the file, or truncates it. */
    private CaptureFile(final Path file, final int snapLength) throws IOException {
        this(file, snapLength, Files.newOutputStream(checked(file), StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS));
        final ByteBuffer start = ByteBuffer.allocate(FILE_HEADER).order(ByteOrder.nativeOrder());
        start.putInt(MAGIC_NANOSECONDS).putShort((short) 2).putShort((short) 4).putInt(0).putInt(0)
            .putInt(snapLength).putInt(ETHERNET);
        out.write(start.array());
        out.flush();
    }

    private CaptureFile(final Path file, final int snapLength, final OutputStream stream) throws IOException {
        this.snapLength = snapLength;
        out = new BufferedOutputStream(stream, BUFFER);
        inode = inode(file);
    }

    /**
     * Checks that the file is regular or missing. A pipe would block the port until somebody reads it, and a disk would
     * be overwritten. A symbolic link is not followed: in a directory that others may write, it could name any file.
     */
    private static Path checked(final Path file) throws IOException {
        if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)
            && !Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
            throw new FileSystemException(file.toString(), null, "not a regular file; it is not replaced");
        }
        return file;
    }

    private static long inode(final Path file) throws IOException {
        return (Long) Files.getAttribute(file, "unix:ino");
    }

    /**
     * Opens a file: appends to it if it has this inode, since another process has created it then. Otherwise creates a
     * new file in its place.
     */
    static CaptureFile open(final Path file, final int snapLength, final long inode) throws IOException {
        return Files.exists(file) && inode(file) == inode
            ? new CaptureFile(file, snapLength, Files.newOutputStream(checked(file), StandardOpenOption.APPEND,
                LinkOption.NOFOLLOW_LINKS))
            : new CaptureFile(file, snapLength);
    }

    /** Returns the inode of the file, for the process that appends to it later. */
    long inode() {
        return inode;
    }

    /** Appends a frame, up to the snap length. */
    void write(final byte[] frame) throws IOException {
        final int length = Math.min(frame.length, snapLength);
        final Instant now = Instant.now();
        record.clear().putInt((int) now.getEpochSecond()).putInt(now.getNano()).putInt(length).putInt(frame.length);
        out.write(record.array());
        out.write(frame, 0, length);
    }

    /** Makes the recorded frames visible to readers of the file. */
    void flush() throws IOException {
        out.flush();
    }

    @Override
    public void close() throws IOException {
        out.close();
    }
}
