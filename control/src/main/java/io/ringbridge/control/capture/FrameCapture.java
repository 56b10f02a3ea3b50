package io.ringbridge.control.capture;

import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.port.CapturedFrame;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.PortCapture;
import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.io.OutputStream;
import java.time.Instant;
import java.util.function.BooleanSupplier;

/**
 * A capture of the frames at a port, from its start until {@link #close}. One thread {@linkplain #stream streams} the
 * frames and closes the capture; any thread may read its counts.
 */
public final class FrameCapture implements AutoCloseable {
    private static final String APPLICATION = "ringbridge";
    private static final long NANOS_PER_SECOND = 1_000_000_000;
    private static final long POLL_MILLIS = 2;

    private final Datapath datapath;
    private final CaptureOptions options;
    private final @Nullable FrameFilter filter;
    private final PortCapture frames;
    private final Verdicts verdicts;
    private final PcapngWriter blocks = new PcapngWriter();
    private final Instant since = Instant.now();
    /** The time since 1970 less that of {@link System#nanoTime}. */
    private final long epoch = since.getEpochSecond() * NANOS_PER_SECOND + since.getNano() - System.nanoTime();
    private long read;
    private long accepted;
    private volatile long written;

    private FrameCapture(final Datapath datapath, final Port port, final CaptureOptions options,
                         final @Nullable FrameFilter filter) {
        this.datapath = datapath;
        this.options = options;
        this.filter = filter;
        verdicts = new Verdicts(datapath);
        // A filter examines whole frames, whatever part of them is written.
        frames = datapath.capture(port, options.in(), options.out(),
            filter == null ? options.snapLength() : PortCapture.MAX_SNAP_LENGTH);
    }

    /**
     * Begins a capture.
     *
     * @throws IllegalArgumentException with libpcap's message if the filter is invalid
     * @throws OsException if there is a filter, and libpcap is not installed
     */
    public static FrameCapture begin(final Datapath datapath, final Port port, final CaptureOptions options) {
        return new FrameCapture(datapath, port, options,
            options.filter() == null ? null : FrameFilter.compile(options.filter()));
    }

    /** Returns the port whose frames are captured. */
    public Port port() {
        return frames.port();
    }

    public CaptureOptions options() {
        return options;
    }

    /** Returns the time when the capture began. */
    public Instant since() {
        return since;
    }

    /** Returns the number of frames written so far. */
    public long written() {
        return written;
    }

    /** Returns the number of frames lost so far, because the client was too slow. */
    public long lost() {
        return frames.lost();
    }

    /**
     * Writes the frames as pcapng, until their number is reached or the port is removed. While there are none, writes
     * statistics once per second, which also show whether the client is still there.
     *
     * @param ended whether the capture has to end for another reason
     * @throws IOException if the client is gone
     */
    public void stream(final OutputStream out, final BooleanSupplier ended) throws IOException, InterruptedException {
        blocks.section(APPLICATION);
        blocks.interfaceDescription(port().name(), options.snapLength(), options.filter());
        blocks.flush(out);
        long lastWrite = System.nanoTime();
        while (!isComplete() && !ended.getAsBoolean() && datapath.port(port().index()) == port()) {
            frames.read(this::add);
            written = accepted;
            if (blocks.isEmpty() && System.nanoTime() - lastWrite >= NANOS_PER_SECOND) {
                addStatistics();
            }
            if (blocks.isEmpty()) {
                Thread.sleep(POLL_MILLIS); // workers never wake a reader, so that captures cost them no system call
            } else {
                blocks.flush(out);
                lastWrite = System.nanoTime();
            }
        }
        addStatistics();
        blocks.flush(out);
    }

    private boolean isComplete() {
        return accepted >= options.count();
    }

    private boolean add(final CapturedFrame frame) {
        read++;
        if (filter == null || filter.accepts(frame)) {
            blocks.packet(epoch + frame.nanos(), frame.event().isIn() ? PcapngWriter.INBOUND : PcapngWriter.OUTBOUND,
                frame.length(), frame.buffer(), frame.offset(), Math.min(frame.captured(), options.snapLength()),
                verdicts.of(frame), 0);
            accepted++;
        }
        return !blocks.isFull() && !isComplete();
    }

    private void addStatistics() {
        final long lost = frames.lost();
        blocks.statistics(epoch + System.nanoTime(), read + lost, lost, accepted);
    }

    /** Ends the capture. */
    @Override
    public void close() {
        datapath.end(frames);
        if (filter != null) {
            filter.close();
        }
    }
}
