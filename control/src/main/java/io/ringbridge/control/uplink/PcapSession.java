package io.ringbridge.control.uplink;

import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.UplinkPort;
import org.pcap4j.core.NotOpenException;
import org.pcap4j.core.PcapHandle;
import org.pcap4j.core.PcapNativeException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.EOFException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * The open captures of a port. Thread {@code rb-pcap-in-NAME} replays one, and {@code rb-pcap-out-NAME} records
 * another. A {@link PcapDevice} connects these threads to the port's worker.
 *
 * <p>In a hand-over, the new process opens the captures for itself, and skips the frames that the old one has replayed.
 */
final class PcapSession implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(PcapSession.class);
    private static final long ROOM_WAIT_NANOS = 50_000;
    private static final long PAUSE_NANOS = 1_000_000_000;
    private static final long NANOS_PER_SECOND = 1_000_000_000;
    /** More frames than fit in the ring between reader and worker. */
    private static final int MAX_WAITING = 1 << 18;

    private final UplinkPort port;
    private final PcapOptions options;
    private final PcapHandle handle;
    private final CaptureFile file;
    private final PcapDevice device = new PcapDevice();
    private final Map<DropReason, AtomicLong> lost = new EnumMap<>(DropReason.class);
    private final Thread reader;
    private final Thread sender;
    private volatile boolean ending;
    /** Locked by the reader while it delivers a frame. Guards the fields below. */
    private final Object gate = new Object();
    private boolean paused;
    /** The number of frames replayed; the new process of a hand-over skips that many. */
    private long replayed;
    private boolean replayEnded;
    private long firstCaptured;
    private long replayBegan;
    /** While paused: the frames that were read, but not taken by the worker. */
    private List<byte[]> waiting = List.of();
    /** While paused: the reason if the capture could not be read to its end. */
    private String brokenBy;

    private PcapSession(final UplinkPort port, final PcapOptions options, final PcapHandle handle,
                        final CaptureFile file) {
        this.port = port;
        this.options = options;
        this.handle = handle;
        this.file = file;
        for (final DropReason reason : List.of(DropReason.TRUNCATED, DropReason.OVERSIZE_FRAME)) {
            lost.put(reason, new AtomicLong());
        }
        reader = Thread.ofPlatform().daemon().name("rb-pcap-in-" + port.name()).unstarted(this::read);
        sender = Thread.ofPlatform().daemon().name("rb-pcap-out-" + port.name()).unstarted(this::send);
    }

    /** Opens files, and attaches the port. The session is paused until {@link #resume}. */
    static PcapSession files(final UplinkPort port, final PcapOptions options) {
        return files(port, options, CaptureFile::new);
    }

    /**
     * Opens the files that another process has open, and attaches the port. The session is paused until
     * {@link #resume}.
     */
    static PcapSession files(final UplinkPort port, final PcapOptions options, final StateReader in) {
        final long inode = in.wide();
        final long skipped = in.wide();
        final PcapSession session =
            files(port, options, (file, snapLength) -> CaptureFile.append(file, snapLength, inode));
        synchronized (session.gate) {
            session.replayed = skipped;
        }
        return session;
    }

    private interface Recording {
        CaptureFile open(Path file, int snapLength) throws IOException;
    }

    private static PcapSession files(final UplinkPort port, final PcapOptions options, final Recording recording) {
        final Path directory = options.write() == null ? null : options.write().toAbsolutePath().getParent();
        if (directory != null && !Files.isDirectory(directory)) {
            throw new OsException("capture " + options.write() + ": cannot be written: no such directory");
        }
        final PcapHandle handle = options.read() == null ? null : Libpcap.open(options.read());
        try {
            final int snapLength = options.snapLength() > 0 ? options.snapLength() : PcapDevice.MAX_FRAME;
            final CaptureFile file = options.write() == null ? null : recording.open(options.write(), snapLength);
            return new PcapSession(port, options, handle, file).begin();
        } catch (final IOException e) {
            if (handle != null) {
                handle.close();
            }
            throw new OsException("capture " + options.write() + ": cannot be written: " + reason(e));
        }
    }

    /** Returns the reason for an exception. The message of a file system's exception may be only the path. */
    private static String reason(final IOException e) {
        return e instanceof AccessDeniedException ? "permission denied"
            : e instanceof final FileSystemException failure && failure.getReason() != null ? failure.getReason()
            : e.toString();
    }

    private PcapSession begin() {
        paused = true;
        try {
            port.attach(List.of(device), file != null);
        } catch (final OsException e) {
            close();
            throw e;
        }
        if (handle != null) {
            reader.start();
        }
        if (file != null) {
            sender.start();
        }
        return this;
    }

    private void read() {
        long frames = 0;
        try {
            while (!ending) {
                try {
                    final byte[] frame = handle.getNextRawPacketEx();
                    deliver(frame, ++frames);
                } catch (TimeoutException _) {
                    // No frame arrived.
                }
            }
        } catch (EOFException _) {
            synchronized (gate) {
                if (ending || !awaitResumed() || replayEnded) {
                    return; // the session is ending, or another process has logged the end
                }
                replayEnded = true;
            }
            LOG.info("port {}: capture {}: replayed all {} frames", port.name(), options.read(), frames);
        } catch (final PcapNativeException | NotOpenException e) {
            end("capture " + options.read() + ": broken after " + frames + " whole frames: "
                + e.getMessage().replaceFirst("^Error occurr?ed in pcap_next_ex\\(\\): ", ""));
        }
    }

    /** Ends the replay with a fault, which the worker finds after the frames read so far. */
    private void end(final String why) {
        synchronized (gate) {
            if (awaitResumed()) {
                device.end(why);
            }
        }
    }

    /**
     * Waits while the session is paused. The caller has locked the gate.
     *
     * @return false if the session is ending
     */
    private boolean awaitResumed() {
        boolean interrupted = false;
        while (paused && !ending) {
            try {
                gate.wait();
            } catch (final InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return !ending;
    }

    private static long nanos(final Instant time) {
        return time.getEpochSecond() * NANOS_PER_SECOND + time.getNano();
    }

    /** Delivers a frame at its time. {@code number} is its position in the capture, from 1. */
    private void deliver(final byte[] frame, final long number) {
        if (awaitDue(nanos(handle.getTimestamp().toInstant()), number)) {
            while (!replay(frame, number)) {
                LockSupport.parkNanos(this, ROOM_WAIT_NANOS);
            }
        }
    }

    /**
     * Delivers a frame unless another process has done so.
     *
     * @return false if the frame has to wait for room
     */
    private boolean replay(final byte[] frame, final long number) {
        synchronized (gate) {
            if (!awaitResumed() || number <= replayed) {
                return true;
            }
            final boolean done = offer(frame);
            if (done) {
                replayed = number;
            }
            return done;
        }
    }

    /**
     * Offers a frame to the worker, or counts it as lost.
     *
     * @return false if the frame has to wait for room
     */
    private boolean offer(final byte[] frame) {
        if (handle.getOriginalLength() > frame.length) {
            lost(DropReason.TRUNCATED);
        } else if (frame.length > PcapDevice.MAX_FRAME) {
            lost(DropReason.OVERSIZE_FRAME);
        } else {
            return device.offer(frame);
        }
        return true;
    }

    /**
     * Waits until it is time to replay a frame.
     *
     * @return false if another process has replayed the frame, or if the session is ending
     */
    private boolean awaitDue(final long captured, final long number) {
        synchronized (gate) {
            if (number <= replayed || !awaitResumed() || number <= replayed) {
                return false;
            }
            if (replayBegan == 0) {
                firstCaptured = captured;
                replayBegan = System.nanoTime();
            }
        }
        if (!options.fullSpeed()) {
            awaitTurn(captured);
        }
        return true;
    }

    /** Waits until as much time has passed since the first frame as in the capture. */
    private void awaitTurn(final long captured) {
        final long turn = replayBegan + (captured - firstCaptured);
        long left = turn - System.nanoTime();
        while (left > 0 && !ending) {
            LockSupport.parkNanos(this, left);
            left = turn - System.nanoTime();
        }
    }

    private void send() {
        try {
            while (!ending) {
                sendAll();
                device.await();
            }
            sendAll();
        } catch (final IOException e) {
            port.fail("capture " + options.write() + ": cannot be written: " + reason(e));
        }
    }

    private void sendAll() throws IOException {
        for (byte[] frame = device.take(); frame != null; frame = device.take()) {
            file.write(frame);
        }
        file.flush();
    }

    /** Pauses the reader, and waits until the sender has written everything. The port is suspended. */
    void pause() {
        synchronized (gate) {
            paused = true;
        }
        if (file != null) {
            final long begun = System.nanoTime();
            while (!device.isDrained() && sender.isAlive()) {
                if (System.nanoTime() - begun > PAUSE_NANOS) {
                    throw new HandOverException("port " + port.name() + ": capture " + options.write()
                        + ": frames were not written within " + PAUSE_NANOS / NANOS_PER_SECOND + " s");
                }
                LockSupport.parkNanos(this, ROOM_WAIT_NANOS);
            }
        }
        synchronized (gate) {
            brokenBy = device.fault();
            device.end(null);
            waiting = device.takeBack();
        }
    }

    /** Starts the session, or resumes it after {@link #pause}. */
    void resume() {
        synchronized (gate) {
            waiting.forEach(device::offer); // all of these frames were in the ring before, so they fit
            waiting = List.of();
            device.end(brokenBy);
            brokenBy = null;
            paused = false;
            gate.notifyAll();
        }
    }

    /** Writes, for another process, the inode of the recording and the position in the replay. */
    void saveFiles(final StateWriter out) {
        synchronized (gate) {
            out.wide(file == null ? 0 : file.inode()).wide(replayed);
        }
    }

    /** Writes the position in the replay, and the frames that the worker has not taken. */
    void savePosition(final StateWriter out) {
        synchronized (gate) {
            out.wide(replayed).flag(replayEnded).wide(firstCaptured).wide(replayBegan);
            DeviceLink.saveFrames(waiting, out);
        }
    }

    /** Reads the position that another process wrote. The session continues from there once it is resumed. */
    void restorePosition(final StateReader in) {
        synchronized (gate) {
            replayed = in.wide();
            replayEnded = in.flag();
            firstCaptured = in.wide();
            replayBegan = in.wide();
            waiting = DeviceLink.restoreFrames(MAX_WAITING, in);
            if (waiting.stream().anyMatch(frame -> frame.length > PcapDevice.MAX_FRAME)) {
                throw new HandOverException("the state has a frame longer than " + PcapDevice.MAX_FRAME + " bytes");
            }
        }
    }

    private void lost(final DropReason reason) {
        lost.get(reason).incrementAndGet();
    }

    /** Adds the frames lost since the last call to the port's drops. Called by the thread that drives the port. */
    void countLost() {
        lost.forEach((reason, count) -> port.lost(reason, count.getAndSet(0)));
    }

    /** Writes the remaining frames, and closes the captures. The port is detached. */
    @Override
    public void close() {
        synchronized (gate) {
            ending = true;
            gate.notifyAll();
        }
        breakLoop();
        join(reader);
        join(sender);
        countLost();
        if (handle != null) {
            handle.close();
        }
        try {
            if (file != null) {
                file.close();
            }
        } catch (final IOException e) {
            LOG.warn("port {}: capture {}: {}", port.name(), options.write(), e.toString());
        }
        device.close();
    }

    /** Ends the reader's wait for a frame, which may last longer than libpcap's timeout. */
    private void breakLoop() {
        try {
            if (handle != null) {
                handle.breakLoop();
            }
        } catch (final NotOpenException e) {
            LOG.debug("port {}: {}", port.name(), e.toString());
        }
    }

    private static void join(final Thread thread) {
        LockSupport.unpark(thread);
        try {
            thread.join();
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
