package io.ringbridge.cli;

import io.ringbridge.api.FrameView;
import io.ringbridge.control.capture.PcapngWriter;
import org.agrona.concurrent.UnsafeBuffer;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;

/** Writes the recorded headers of a port's frames as pcapng, with the verdicts as comments. */
final class FrameFile {
    private static final String APPLICATION = "ringbridge";
    private static final int SNAP_LENGTH = 64;
    private static final long NANOS_PER_SECOND = 1_000_000_000L;

    private FrameFile() {
    }

    /** Writes the frames. The caller closes the stream. */
    static void write(final OutputStream out, final String port, final List<FrameView> frames) throws IOException {
        final PcapngWriter blocks = new PcapngWriter();
        blocks.section(APPLICATION);
        blocks.interfaceDescription(port, SNAP_LENGTH, null);
        for (final FrameView frame : frames) {
            if (blocks.isFull()) {
                blocks.flush(out);
            }
            add(blocks, frame);
        }
        blocks.flush(out);
    }

    private static void add(final PcapngWriter blocks, final FrameView frame) {
        final Instant time = Instant.parse(frame.time());
        final byte[] header = HexFormat.of().parseHex(frame.header());
        blocks.packet(time.getEpochSecond() * NANOS_PER_SECOND + time.getNano(),
            frame.direction().equals("in") ? PcapngWriter.INBOUND : PcapngWriter.OUTBOUND, frame.bytes(),
            new UnsafeBuffer(header), 0, header.length, frame.outcome().getBytes(StandardCharsets.UTF_8),
            frame.skipped());
    }
}
