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
 * Captures that are open: {@code rb-pcap-in-NAME} replays one, {@code rb-pcap-out-NAME} records another, and between
 * them and the port's worker is a {@link PcapDevice}.
 *
 * <p>A process that takes over opens the captures for itself, and leaves out as many frames as the one before has
 * replayed.
 */
final class PcapSession implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(PcapSession.class);
    private static final long ROOM_WAIT_NANOS = 50_000;
    private static final long REST_NANOS = 1_000_000_000;
    private static final long NANOS_A_SECOND = 1_000_000_000;
    /** More than the ring between reader and worker has room for. */
    private static final int MOST_READ = 1 << 18;

    private final UplinkPort port;
    private final PcapOptions options;
    private final PcapHandle handle;
    private final CaptureFile file;
    private final PcapDevice device = new PcapDevice();
    private final Map<DropReason, AtomicLong> lost = new EnumMap<>(DropReason.class);
    private final Thread reader;
    private final Thread sender;
    private volatile boolean ending;
    /** Held by the reader while it hands a frame on. What follows is changed while it is held. */
    private final Object gate = new Object();
    private boolean resting;
    /** How many frames were replayed; so many are skipped by a process that takes over. */
    private long replayed;
    private boolean replayEnded;
    private long firstCaptured;
    private long replayBegan;
    /** What was read and is not taken by the worker, while this rests. */
    private List<byte[]> waiting = List.of();
    /** The reason that the capture could not be read to its end, while this rests. */
    private String brokenBy;

    private PcapSession(final UplinkPort port, final PcapOptions options, final PcapHandle handle, final CaptureFile file) {
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

    /** Opens files, and attaches the port; it rests until {@link #goOn}. */
    static PcapSession files(final UplinkPort port, final PcapOptions options) {
        return files(port, options, CaptureFile::new);
    }

    /** Goes on with files that another process has open, and attaches the port. */
    static PcapSession files(final UplinkPort port, final PcapOptions options, final StateReader in) {
        final long inode = in.wide();
        final long skipped = in.wide();
        final PcapSession session = files(port, options, (file, snapLength) -> CaptureFile.goOn(file, snapLength, inode));
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
            final CaptureFile file = options.write() == null ? null
                : recording.open(options.write(), options.snapLength() > 0 ? options.snapLength() : PcapDevice.MAX_FRAME);
            return new PcapSession(port, options, handle, file).begin();
        } catch (final IOException e) {
            if (handle != null) {
                handle.close();
            }
            throw new OsException("capture " + options.write() + ": cannot be written: " + reason(e));
        }
    }

    /** The message of a file system's exception is but the path. */
    private static String reason(final IOException e) {
        return e instanceof AccessDeniedException ? "permission denied"
            : e instanceof final FileSystemException failure && failure.getReason() != null ? failure.getReason() : e.toString();
    }

    private PcapSession begin() {
        resting = true;
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
                    handOn(frame, ++frames);
                } catch (TimeoutException _) {
                    // None came.
                }
            }
        } catch (EOFException _) {
            synchronized (gate) {
                if (ending || !pass() || replayEnded) {
                    return; // a wait was broken off, or another process has said so
                }
                replayEnded = true;
            }
            LOG.info("port {}: capture {} was replayed, {} frames", port.name(), options.read(), frames);
        } catch (final PcapNativeException | NotOpenException e) {
            end("capture " + options.read() + ": broken after " + frames + " whole frames: "
                + e.getMessage().replaceFirst("^Error occurr?ed in pcap_next_ex\\(\\): ", ""));
        }
    }

    /** Ends the replay with a fault, which the worker finds behind the frames that were read before. */
    private void end(final String why) {
        synchronized (gate) {
            if (pass()) {
                device.end(why);
            }
        }
    }

    /** Waits while this rests; false when it is ending. The gate is held. */
    private boolean pass() {
        boolean interrupted = false;
        while (resting && !ending) {
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
        return time.getEpochSecond() * NANOS_A_SECOND + time.getNano();
    }

    /** Hands a frame on; {@code number} is how many were read with it. */
    private void handOn(final byte[] frame, final long number) {
        if (isDue(nanos(handle.getTimestamp().toInstant()), number)) {
            while (!replay(frame, number)) {
                LockSupport.parkNanos(this, ROOM_WAIT_NANOS);
            }
        }
    }

    /** Hands a frame on unless another process has; false where it is to wait for room. */
    private boolean replay(final byte[] frame, final long number) {
        synchronized (gate) {
            if (!pass() || number <= replayed) {
                return true;
            }
            final boolean done = handOn(frame);
            if (done) {
                replayed = number;
            }
            return done;
        }
    }

    /** Hands a frame on, or counts it as lost; false if it has to wait for room. */
    private boolean handOn(final byte[] frame) {
        if (handle.getOriginalLength() > frame.length) {
            lost(DropReason.TRUNCATED);
        } else if (frame.length > PcapDevice.MAX_FRAME) {
            lost(DropReason.OVERSIZE_FRAME);
        } else {
            return device.offer(frame);
        }
        return true;
    }

    /** Waits for the time of a frame of a capture that is replayed; false for one that another process has replayed. */
    private boolean isDue(final long captured, final long number) {
        synchronized (gate) {
            if (number <= replayed || !pass() || number <= replayed) {
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

    /** Waits until as much time has passed since the first frame as had when it was captured. */
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

    /** Lets reader and sender come to rest; the port is suspended. */
    void hold() {
        synchronized (gate) {
            resting = true;
        }
        if (file != null) {
            final long begun = System.nanoTime();
            while (!device.allTaken() && sender.isAlive()) {
                if (System.nanoTime() - begun > REST_NANOS) {
                    throw new HandOverException("port " + port.name() + ": what was sent is not written in time");
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

    /** Begins, or goes on after {@link #hold}. */
    void goOn() {
        synchronized (gate) {
            waiting.forEach(device::offer); // all of it was there before
            waiting = List.of();
            device.end(brokenBy);
            brokenBy = null;
            resting = false;
            gate.notifyAll();
        }
    }

    /** Writes down, for another process, which file is written and how far the other has come. */
    void saveFiles(final StateWriter out) {
        synchronized (gate) {
            out.wide(file == null ? 0 : file.inode()).wide(replayed);
        }
    }

    /** Writes down how far this has come, and what waits to be taken. */
    void savePosition(final StateWriter out) {
        synchronized (gate) {
            out.wide(replayed).flag(replayEnded).wide(firstCaptured).wide(replayBegan);
            DeviceLink.saveFrames(waiting, out);
        }
    }

    /** Goes on from there, once it goes on. */
    void restorePosition(final StateReader in) {
        synchronized (gate) {
            replayed = in.wide();
            replayEnded = in.flag();
            firstCaptured = in.wide();
            replayBegan = in.wide();
            waiting = DeviceLink.restoreFrames(MOST_READ, in);
            if (waiting.stream().anyMatch(frame -> frame.length > PcapDevice.MAX_FRAME)) {
                throw new HandOverException("there is a frame longer than any can be");
            }
        }
    }

    private void lost(final DropReason reason) {
        lost.get(reason).incrementAndGet();
    }

    /** Counts what was lost since the last time with what the port has dropped. For whoever drives the port. */
    void countLost() {
        lost.forEach((reason, count) -> port.lost(reason, count.getAndSet(0)));
    }

    /** Writes what is still to be written, and closes all. The port is detached. */
    @Override
    public void close() {
        synchronized (gate) {
            ending = true;
            gate.notifyAll();
        }
        breakOff();
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

    /** Ends the reader's wait for a frame, which may go on for longer than libpcap was told to wait. */
    private void breakOff() {
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
