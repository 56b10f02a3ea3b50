package io.ringbridge.bench.harness;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;

/** Writes Ethernet frames to a file in the classic pcap format. */
public final class PcapWriter implements AutoCloseable {
    private static final int BUFFER = 1 << 20;
    private static final int MAX_FRAME = 65535;

    private final OutputStream out;
    private final ByteBuffer header = ByteBuffer.allocate(PcapReader.RECORD_HEADER).order(ByteOrder.LITTLE_ENDIAN);

    public PcapWriter(final Path file) throws IOException {
        out = new BufferedOutputStream(Files.newOutputStream(file), BUFFER);
        final ByteBuffer start = ByteBuffer.allocate(PcapReader.FILE_HEADER).order(ByteOrder.LITTLE_ENDIAN);
        start.putInt(PcapReader.MAGIC_MICROSECONDS).putShort((short) 2).putShort((short) 4).putInt(0).putInt(0)
            .putInt(MAX_FRAME).putInt(1);
        out.write(start.array());
    }

    /** Appends a frame with timestamp zero. */
    public void write(final byte[] frame, final int length) throws IOException {
        header.putInt(8, length).putInt(12, length);
        out.write(header.array());
        out.write(frame, 0, length);
    }

    @Override
    public void close() throws IOException {
        out.close();
    }
}
