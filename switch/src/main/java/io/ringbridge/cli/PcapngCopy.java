package io.ringbridge.cli;

import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Copies a pcapng stream block by block, so that the copy ends with a whole block whenever the process ends. One thread
 * copies; any thread may read the counts.
 */
final class PcapngCopy {
    private static final int HEADER = 8;
    private static final int LONGEST = 1 << 20;
    private static final int PACKET = 6;
    private static final int STATISTICS = 5;
    /** The offset of the number of packets lost in a statistics block of the switch: the value of the second option. */
    private static final int LOST = 36;

    private final InputStream in;
    private final OutputStream out;
    private final byte[] block = new byte[LONGEST];
    private final AtomicBoolean stopped = new AtomicBoolean();
    private final AtomicLong packets = new AtomicLong();
    private volatile long lost;
    private volatile boolean complete;

    /** A stream that cannot be read, or is not pcapng. */
    static final class ReadException extends IOException {
        ReadException(final String what) {
            super(what);
        }
    }

    PcapngCopy(final InputStream in, final OutputStream out) {
        this.in = in;
        this.out = out;
    }

    /**
     * Copies until the stream ends or {@link #stop} is called.
     *
     * @throws ReadException if the stream cannot be read, or is not pcapng
     * @throws IOException if the destination cannot be written
     */
    void run() throws IOException {
        final DataInputStream source = new DataInputStream(in);
        int length = read(source);
        while (length > 0 && write(length)) {
            length = read(source);
        }
    }

    /** Reads a block. Returns its length, or 0 at the end of the stream. */
    private int read(final DataInputStream source) throws IOException {
        try {
            source.readFully(block, 0, HEADER);
            final int length = integer(Integer.BYTES);
            if (length < HEADER + Integer.BYTES || length > block.length) {
                throw new ReadException("a block of " + length + " bytes is not pcapng");
            }
            source.readFully(block, HEADER, length - HEADER);
            return length;
        } catch (EOFException _) {
            return 0;
        } catch (final ReadException e) {
            throw e;
        } catch (final IOException e) {
            throw new ReadException(String.valueOf(e.getMessage()));
        }
    }

    private int integer(final int at) {
        return ByteBuffer.wrap(block).order(ByteOrder.LITTLE_ENDIAN).getInt(at);
    }

    /** Writes the block. Returns false if the copy is stopped. */
    private boolean write(final int length) throws IOException {
        if (stopped.get()) {
            return false;
        }
        out.write(block, 0, length);
        final int type = integer(0);
        complete = type == STATISTICS;
        if (type == PACKET) {
            packets.incrementAndGet();
        } else if (type == STATISTICS) {
            lost = ByteBuffer.wrap(block).order(ByteOrder.LITTLE_ENDIAN).getLong(LOST);
        }
        return true;
    }

    /**
     * Stops the copy after the current block. Any thread may call.
     *
     * @return whether this is the first call
     */
    boolean stop() {
        return !stopped.getAndSet(true);
    }

    /** Whether the stream has ended as the switch ends one, with its statistics. */
    boolean isComplete() {
        return complete;
    }

    /** Returns a line with the counts so far. */
    String summary() {
        return packets + (packets.get() == 1 ? " frame" : " frames") + " captured, " + lost + " lost";
    }
}
