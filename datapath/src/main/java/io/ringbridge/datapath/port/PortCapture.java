package io.ringbridge.datapath.port;

import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.os.OsException;
import org.agrona.concurrent.ControlledMessageHandler;
import org.jspecify.annotations.Nullable;

import java.util.Arrays;

/**
 * A capture of the frames at a port. Workers copy the frames, each into a {@link CaptureRing} of its own; one other
 * thread reads them. The reader may be as slow as it likes: frames that find no room are lost to the capture and
 * counted, and forwarding does not wait.
 *
 * <p>A capture begins and ends with the methods of {@link io.ringbridge.datapath.Datapath}.
 */
public final class PortCapture {
    /** The most bytes of a frame that are captured: those of the longest frame that a port accepts. */
    public static final int MAX_SNAP_LENGTH = 65535 + 18;

    private final Port port;
    private final boolean in;
    private final boolean out;
    private final int snapLength;
    /** One per worker, copied on write. Workers are frozen, or have not begun, before they use a ring that is new. */
    private volatile CaptureRing[] rings = {};
    private final CapturedFrame frame = new CapturedFrame();

    /** Receives the frames of a capture. */
    @FunctionalInterface
    public interface Reader {
        /**
         * Receives a frame, which is valid during this call only.
         *
         * @return whether to pass more frames
         */
        boolean frame(CapturedFrame frame);
    }

    /**
     * Creates a capture that has not begun.
     *
     * @param in whether to capture the frames that enter by the port
     * @param out whether to capture the frames that leave by the port
     * @param snapLength the bytes of each frame to copy, 1 to {@link #MAX_SNAP_LENGTH}
     * @param workers the number of workers
     */
    public PortCapture(final Port port, final boolean in, final boolean out, final int snapLength, final int workers) {
        this.port = port;
        this.in = in;
        this.out = out;
        this.snapLength = snapLength;
        serveWith(workers);
    }

    /**
     * Makes room for frames of that many workers. Rings that are there already stay. Called before the workers begin.
     *
     * @throws OsException if memory is exhausted; nothing is changed
     */
    public void serveWith(final int workers) {
        final CaptureRing[] old = rings;
        if (workers <= old.length) {
            return;
        }
        final CaptureRing[] more = Arrays.copyOf(old, workers);
        int made = old.length;
        try {
            while (made < workers) {
                more[made] = new CaptureRing();
                made++;
            }
        } catch (final OsException e) {
            for (int i = old.length; i < made; i++) {
                more[i].close();
            }
            throw e;
        }
        rings = more;
    }

    public Port port() {
        return port;
    }

    /** Whether the frames that enter by the port are captured. */
    boolean takesIn() {
        return in;
    }

    /** Whether the frames that leave by the port are captured. */
    boolean takesOut() {
        return out;
    }

    /**
     * Copies a frame. Called by a worker.
     *
     * @param nanos the time of the event
     * @param reason the reason for a drop, or null
     * @param peer the index of the port that the frame goes to, or 0
     */
    public void record(final int worker, final long nanos, final CaptureEvent event, final @Nullable DropReason reason,
                       final int peer, final Segments bytes) {
        rings[worker].record(nanos, event, reason, peer, bytes, snapLength);
    }

    /**
     * Passes frames that the workers have copied to the reader, in the order of each worker. Some may remain for the
     * next call, so that a call ends even if the workers copy frames all the time.
     */
    public void read(final Reader reader) {
        final boolean[] more = {true};
        final ControlledMessageHandler handler = (type, buffer, index, length) -> {
            frame.wrap(CaptureEvent.at(type - 1), buffer, index, length);
            more[0] = reader.frame(frame);
            return more[0] ? ControlledMessageHandler.Action.CONTINUE : ControlledMessageHandler.Action.BREAK;
        };
        for (final CaptureRing ring : rings) {
            if (more[0]) {
                ring.read(handler);
            }
        }
    }

    /** Returns the number of frames that were lost, because the reader was too slow. Any thread may call. */
    public long lost() {
        return Arrays.stream(rings).mapToLong(CaptureRing::lost).sum();
    }

    /** Frees the memory. Neither a worker nor the reader may use the capture any more. */
    public void free() {
        for (final CaptureRing ring : rings) {
            ring.close();
        }
    }
}
