package io.ringbridge.control.uplink;

import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.UplinkPort;
import org.jspecify.annotations.Nullable;
import org.pcap4j.core.NotOpenException;
import org.pcap4j.core.PcapHandle;
import org.pcap4j.core.PcapNativeException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.EOFException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * Plays a capture file to a port, with the captured timing or as fast as the port's worker takes the frames.
 *
 * <p>Thread {@code rb-pcap-in-NAME} reads the file and offers the frames to the worker through a {@link PcapDevice}. It
 * alone uses libpcap, until it has ended. All other methods are for the thread that drives the port. The two share the
 * position in the capture under a lock, which the reader holds while it offers a frame.
 *
 * <p>In a hand-over, the new process opens the file for itself, and skips the frames that the old one has replayed.
 */
final class Replay implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Replay.class);
    private static final long ROOM_WAIT_NANOS = 50_000;
    private static final long NANOS_PER_SECOND = 1_000_000_000;

    private final UplinkPort port;
    private final PcapOptions options;
    private final PcapDevice device;
    private final PcapHandle handle;
    private final Map<DropReason, AtomicLong> lost = new EnumMap<>(Map.of(DropReason.TRUNCATED, new AtomicLong(),
        DropReason.OVERSIZE_FRAME, new AtomicLong()));
    private final Thread reader;
    private volatile boolean ending;
    /** Locked by the reader while it offers a frame. Guards the fields below. */
    private final Object gate = new Object();
    private boolean paused = true;
    /** The number of frames replayed; the new process of a hand-over skips that many. */
    private long replayed;
    private boolean replayEnded;
    private long firstCaptured;
    private long replayBegan;
    /** While paused: the frames that were read, but not taken by the worker. */
    private List<byte[]> waiting = List.of();
    /** While paused: the reason if the capture could not be read to its end. */
    private @Nullable String brokenBy;

    private Replay(final UplinkPort port, final PcapOptions options, final PcapDevice device, final PcapHandle handle,
                   final long replayed) {
        this.port = port;
        this.options = options;
        this.device = device;
        this.handle = handle;
        this.replayed = replayed;
        reader = Thread.ofPlatform().daemon().name("rb-pcap-in-" + port.name()).unstarted(this::read);
    }

    /**
     * Opens the capture and starts its thread. The replay is paused until {@link #resume}.
     *
     * @param device where the thread offers the frames
     * @param replayed the number of frames to skip, because another process has replayed them
     */
    static Replay open(final UplinkPort port, final PcapOptions options, final PcapDevice device,
                       final long replayed) {
        final Path capture = options.read();
        assert capture != null : "the port replays a capture";
        final Replay replay = new Replay(port, options, device, Libpcap.open(capture), replayed);
        replay.reader.start();
        return replay;
    }

    private void read() {
        long frames = 0;
        try {
            while (!ending) {
                try {
                    final byte[] frame = handle.getNextRawPacketEx();
                    deliver(frame, ++frames);
                } catch (TimeoutException _) {
                    // A file has no timeout.
                }
            }
        } catch (EOFException _) {
            synchronized (gate) {
                if (ending || !awaitResumed() || replayEnded) {
                    return; // the replay is being closed, or another process has logged the end
                }
                replayEnded = true;
            }
            LOG.info("port {}: capture {}: replayed all {} frames", port.name(), options.read(), frames);
        } catch (final PcapNativeException | NotOpenException e) {
            end("capture " + options.read() + ": broken after " + frames + " whole frames: "
                + String.valueOf(e.getMessage()).replaceFirst("^Error occurr?ed in pcap_next_ex\\(\\): ", ""));
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
     * Waits while the replay is paused. The caller has locked the gate.
     *
     * @return false if the replay is being closed
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
     * @return false if another process has replayed the frame, or if the replay is being closed
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

    /** Parks the reader, and takes back the frames that the worker has not taken. The port is suspended. */
    void park() {
        synchronized (gate) {
            paused = true;
            brokenBy = device.endedBy();
            device.end(null);
            waiting = device.takeBack();
        }
    }

    /** Starts the replay, or resumes it after {@link #park}. */
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

    /** Returns the number of frames replayed so far. */
    long replayed() {
        synchronized (gate) {
            return replayed;
        }
    }

    /** Returns the point that the replay has reached. It is final while the replay is parked. */
    ReplayPosition position() {
        synchronized (gate) {
            return new ReplayPosition(replayed, replayEnded, firstCaptured, replayBegan, waiting);
        }
    }

    /** Makes the replay continue, once it is resumed, from the point that another process has reached. */
    void continueFrom(final ReplayPosition position) {
        synchronized (gate) {
            replayed = position.replayed();
            replayEnded = position.ended();
            firstCaptured = position.firstCaptured();
            replayBegan = position.began();
            waiting = position.waiting();
        }
    }

    private void lost(final DropReason reason) {
        final AtomicLong count = lost.get(reason);
        assert count != null : reason;
        count.incrementAndGet();
    }

    /** Adds the frames lost since the last call to the port's drops. */
    void countLost() {
        lost.forEach((reason, count) -> port.lost(reason, count.getAndSet(0)));
    }

    /** Ends the thread, and closes the capture. The port is detached. */
    @Override
    public void close() {
        synchronized (gate) {
            ending = true;
            gate.notifyAll();
        }
        DeviceLink.join(reader);
        countLost();
        handle.close();
    }
}
