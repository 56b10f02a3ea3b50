package io.ringbridge.bench.harness;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Reads the frames of a file in the classic pcap format, with either time resolution and in little-endian byte order.
 */
public final class PcapReader implements AutoCloseable {
    static final int FILE_HEADER = 24;
    static final int RECORD_HEADER = 16;
    static final int MAGIC_MICROSECONDS = 0xa1b2c3d4;
    static final int MAGIC_NANOSECONDS = 0xa1b23c4d;
    private static final int BUFFER = 1 << 20;
    private static final int MAX_FRAME = 65535;

    private final InputStream in;
    private final byte[] frame = new byte[MAX_FRAME];
    private final ByteBuffer header = ByteBuffer.allocate(FILE_HEADER).order(ByteOrder.LITTLE_ENDIAN);
    private int length;

    public PcapReader(final Path file) throws IOException {
        in = new BufferedInputStream(Files.newInputStream(file), BUFFER);
        final int n = in.readNBytes(header.array(), 0, FILE_HEADER);
        final int magic = header.getInt(0);
        if (n != FILE_HEADER || (magic != MAGIC_MICROSECONDS && magic != MAGIC_NANOSECONDS)) {
            in.close();
            throw new IOException(file + " is not a pcap file: it starts with 0x" + Integer.toHexString(magic));
        }
    }

    /**
     * Reads the next frame. A truncated record counts as the end of the file.
     *
     * @return false at the end of the file
     */
    public boolean next() throws IOException {
        if (in.readNBytes(header.array(), 0, RECORD_HEADER) != RECORD_HEADER) {
            return false;
        }
        length = header.getInt(8);
        if (length < 0 || length > MAX_FRAME) {
            throw new IOException("pcap file: a frame of " + length + " bytes; at most " + MAX_FRAME + " are allowed");
        }
        return in.readNBytes(frame, 0, length) == length;
    }

    public int length() {
        return length;
    }

    /** Returns an array with the frame's bytes up to {@link #length()}. The next frame overwrites the array. */
    public byte[] frame() {
        return frame;
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
