package io.ringbridge.cli;

import io.ringbridge.api.FrameView;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.HexFormat;

/**
 * Writes the frames of one port as pcapng (draft-ietf-opsawg-pcapng): times in nanoseconds, the direction in the flags,
 * the verdict as a comment, and the frames before that were not recorded as a drop count.
 */
final class PcapngWriter {
    private static final int SECTION = 0x0A0D0D0A;
    private static final int BYTE_ORDER = 0x1A2B3C4D;
    private static final int INTERFACE = 1;
    private static final int PACKET = 6;
    private static final short ETHERNET = 1;
    private static final int SNAP_LENGTH = 64;
    private static final int COMMENT = 1;
    private static final int NAME = 2;
    private static final int FLAGS = 2;
    private static final int DROP_COUNT = 4;
    private static final int RESOLUTION = 9;
    private static final byte NANOSECONDS = 9;
    private static final int INBOUND = 1;
    private static final int OUTBOUND = 2;
    private static final long NANOS_PER_SECOND = 1_000_000_000L;
    private static final int ROOM = 4096;

    private final OutputStream out;
    private final ByteBuffer block = ByteBuffer.allocate(ROOM).order(ByteOrder.LITTLE_ENDIAN);

    /** Writes the blocks before the first frame. The caller closes the stream. */
    PcapngWriter(final OutputStream out, final String port) throws IOException {
        this.out = out;
        begin(SECTION);
        block.putInt(BYTE_ORDER).putShort((short) 1).putShort((short) 0).putLong(-1);
        end();
        begin(INTERFACE);
        block.putShort(ETHERNET).putShort((short) 0).putInt(SNAP_LENGTH);
        option(NAME, port.getBytes(StandardCharsets.UTF_8));
        option(RESOLUTION, NANOSECONDS);
        endOptions();
        end();
    }

    /** Writes a frame. */
    void write(final FrameView frame) throws IOException {
        final Instant time = Instant.parse(frame.time());
        final long nanos = time.getEpochSecond() * NANOS_PER_SECOND + time.getNano();
        final byte[] header = HexFormat.of().parseHex(frame.header());
        begin(PACKET);
        block.putInt(0).putInt((int) (nanos >>> Integer.SIZE)).putInt((int) nanos).putInt(header.length)
            .putInt(frame.bytes());
        padded(header);
        option(COMMENT, frame.outcome().getBytes(StandardCharsets.UTF_8));
        option(FLAGS, number(Integer.BYTES, frame.direction().equals("in") ? INBOUND : OUTBOUND));
        option(DROP_COUNT, number(Long.BYTES, frame.skipped()));
        endOptions();
        end();
    }

    private static byte[] number(final int bytes, final int value) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array();
    }

    private void begin(final int type) {
        block.clear().putInt(type).putInt(0);
    }

    private void option(final int code, final byte... value) {
        block.putShort((short) code).putShort((short) value.length);
        padded(value);
    }

    private void padded(final byte[] value) {
        block.put(value);
        while (block.position() % Integer.BYTES != 0) {
            block.put((byte) 0);
        }
    }

    private void endOptions() {
        block.putInt(0);
    }

    private void end() throws IOException {
        final int length = block.position() + Integer.BYTES;
        block.putInt(length).putInt(Integer.BYTES, length);
        out.write(block.array(), 0, length);
    }
}
