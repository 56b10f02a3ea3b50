package io.ringbridge.control.capture;

import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.port.CapturedFrame;

import java.lang.foreign.MemorySegment;

/** A filter in the syntax of {@code pcap-filter(7)}, as tcpdump takes it. Used by one thread at a time. */
final class FrameFilter implements AutoCloseable {
    private final Bpf bpf;
    private final MemorySegment program;
    private final long instructions;

    private FrameFilter(final Bpf bpf, final MemorySegment program) {
        this.bpf = bpf;
        this.program = program;
        instructions = Bpf.instructions(program);
    }

    /**
     * Compiles a filter.
     *
     * @throws IllegalArgumentException with libpcap's message if the expression is invalid
     * @throws OsException if libpcap is not installed
     */
    static FrameFilter compile(final String expression) {
        final Bpf bpf = Bpf.load();
        return new FrameFilter(bpf, bpf.compile(expression));
    }

    /** Whether the filter accepts a frame, of which all bytes must be captured. */
    boolean accepts(final CapturedFrame frame) {
        return bpf.accepts(instructions, frame.address(), frame.length(), frame.captured());
    }

    @Override
    public void close() {
        bpf.free(program);
    }
}
