package io.ringbridge.control.uplink;

import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.port.UplinkPort;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.locks.LockSupport;

/**
 * Records the frames that leave a port in a capture file.
 *
 * <p>Thread {@code rb-pcap-out-NAME} takes the frames that the worker wrote from a {@link PcapDevice}. It alone uses
 * the file, until it has ended. All other methods are for the thread that drives the port.
 *
 * <p>In a hand-over, the old process writes every frame that it has taken, and the new one appends to the same file.
 */
final class Recorder implements AutoCloseable {
    /** The inode of no file: a new file is created. */
    static final long NO_INODE = 0;

    private static final Logger LOG = LoggerFactory.getLogger(Recorder.class);
    private static final long WRITE_LIMIT_NANOS = 1_000_000_000;
    private static final long NANOS_PER_SECOND = 1_000_000_000;
    private static final long POLL_NANOS = 50_000;

    private final UplinkPort port;
    private final Path path;
    private final PcapDevice device;
    private final CaptureFile file;
    private final Thread writer;
    private volatile boolean ending;

    private Recorder(final UplinkPort port, final Path path, final PcapDevice device, final CaptureFile file) {
        this.port = port;
        this.path = path;
        this.device = device;
        this.file = file;
        writer = Thread.ofPlatform().daemon().name("rb-pcap-out-" + port.name()).unstarted(this::write);
    }

    /**
     * Opens the file and starts the thread that writes to it.
     *
     * @param device where the thread takes the frames
     * @param inode the inode of the file to which another process has written; a file with another inode is replaced
     * @throws OsException if the file cannot be written
     */
    static Recorder open(final UplinkPort port, final PcapOptions options, final PcapDevice device, final long inode) {
        final Path path = options.write();
        assert path != null : "the port records to a file";
        final Path directory = path.toAbsolutePath().getParent();
        if (directory != null && !Files.isDirectory(directory)) {
            throw new OsException("capture " + path + ": cannot be written: no such directory");
        }
        try {
            final int snapLength = options.snapLength() > 0 ? options.snapLength() : PcapDevice.MAX_FRAME;
            final Recorder recorder = new Recorder(port, path, device, CaptureFile.open(path, snapLength, inode));
            recorder.writer.start();
            return recorder;
        } catch (final IOException e) {
            throw new OsException("capture " + path + ": cannot be written: " + reason(e));
        }
    }

    /** Returns the reason for an exception. The message of a file system's exception may be only the path. */
    private static String reason(final IOException e) {
        return e instanceof AccessDeniedException ? "permission denied"
            : e instanceof final FileSystemException failure && failure.getReason() != null ? failure.getReason()
            : e.toString();
    }

    private void write() {
        try {
            while (!ending) {
                writeAll();
                device.await();
            }
            writeAll();
        } catch (final IOException e) {
            port.fail("capture " + path + ": cannot be written: " + reason(e));
        }
    }

    private void writeAll() throws IOException {
        for (byte[] frame = device.take(); frame != null; frame = device.take()) {
            file.write(frame);
        }
        file.flush();
    }

    /**
     * Waits until every frame is in the file. The port is suspended, so no further frame arrives.
     *
     * @throws HandOverException if the frames are not written in time
     */
    void awaitWritten() {
        final long begun = System.nanoTime();
        while (!device.isDrained() && writer.isAlive()) {
            if (System.nanoTime() - begun > WRITE_LIMIT_NANOS) {
                throw new HandOverException("port " + port.name() + ": capture " + path
                    + ": frames were not written within " + WRITE_LIMIT_NANOS / NANOS_PER_SECOND + " s");
            }
            LockSupport.parkNanos(this, POLL_NANOS);
        }
    }

    /** Returns the inode of the file, for the process that appends to it later. */
    long inode() {
        return file.inode();
    }

    /** Writes the remaining frames, ends the thread, and closes the file. The port is detached. */
    @Override
    public void close() {
        ending = true;
        DeviceLink.join(writer);
        try {
            file.close();
        } catch (final IOException e) {
            LOG.warn("port {}: capture {}: {}", port.name(), path, e.toString());
        }
    }
}
