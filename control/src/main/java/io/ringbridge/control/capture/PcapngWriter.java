package io.ringbridge.control.capture;

import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Formats packets as pcapng: a section with one Ethernet interface, and times in nanoseconds. Each block is
 *
 * <pre>
 *   0      4                 8      length - 4
 *  | type | length of block | body | length of block |
 * </pre>
 * A body ends with options: a code, a length, and a value that is padded to four bytes.
 *
 * <p>The format is that of draft-ietf-opsawg-pcapng. Owned by one thread.
 */
public final class PcapngWriter {
    /** The direction of a packet that entered by the interface, in {@code epb_flags}. */
    public static final int INBOUND = 1;
    /** The direction of a packet that left by the interface, in {@code epb_flags}. */
    public static final int OUTBOUND = 2;

    private static final int SIZE = 1 << 19;
    /** More than the largest block: a packet of 64 KiB with its options. */
    private static final int LARGEST = 1 << 17;

    private static final int SECTION_HEADER = 0x0A0D0D0A;
    private static final int INTERFACE_DESCRIPTION = 1;
    private static final int INTERFACE_STATISTICS = 5;
    private static final int ENHANCED_PACKET = 6;
    private static final int BYTE_ORDER_MAGIC = 0x1A2B3C4D;
    private static final int ETHERNET = 1;
    private static final byte NANOSECONDS = 9;

    /** The position of an option's length, after its code. */
    private static final int LENGTH_SHIFT = 16;
    private static final int END = 0;
    private static final int COMMENT = 1;
    private static final int FLAGS = 2;
    private static final int DROP_COUNT = 4;
    private static final int IF_NAME = 2;
    private static final int IF_TSRESOL = 9;
    private static final int IF_FILTER = 11;
    private static final int USER_APPLICATION = 4;
    private static final int RECEIVED = 4;
    private static final int LOST = 5;
    private static final int ACCEPTED = 6;

    private final byte[] bytes = new byte[SIZE];
    private final UnsafeBuffer buffer = new UnsafeBuffer(bytes);
    private int at;
    private int block;

    /** Whether no bytes wait for {@link #flush}. */
    public boolean isEmpty() {
        return at == 0;
    }

    /** Whether there may be no room for another packet before {@link #flush}. */
    public boolean isFull() {
        return at > SIZE - LARGEST;
    }

    /** Writes everything formatted so far. */
    public void flush(final OutputStream out) throws IOException {
        out.write(bytes, 0, at);
        out.flush();
        at = 0;
    }

    /**
     * Starts the section.
     *
     * @param application the program that captures
     */
    public void section(final String application) {
        begin(SECTION_HEADER);
        integer(BYTE_ORDER_MAGIC);
        integer(1); // version 1.0
        integer(-1); // the length of the section is not known
        integer(-1);
        option(USER_APPLICATION, application.getBytes(StandardCharsets.UTF_8));
        end();
    }

    /**
     * Describes the interface, to which all packets belong.
     *
     * @param filter the expression that selects packets, or null
     */
    public void interfaceDescription(final String name, final int snapLength, final @Nullable String filter) {
        begin(INTERFACE_DESCRIPTION);
        integer(ETHERNET);
        integer(snapLength);
        option(IF_NAME, name.getBytes(StandardCharsets.UTF_8));
        option(IF_TSRESOL, new byte[] {NANOSECONDS});
        if (filter != null) {
            option(IF_FILTER, ('\0' + filter).getBytes(StandardCharsets.UTF_8)); // 0: text
        }
        end();
    }

    /**
     * Adds a packet. There must be room.
     *
     * @param nanos the time since 1970
     * @param direction {@link #INBOUND} or {@link #OUTBOUND}
     * @param length the bytes of the packet on the wire
     * @param from contains the captured bytes
     * @param offset their offset
     * @param captured their number, at most 64 KiB and an Ethernet header
     * @param comment text in UTF-8
     * @param skipped the number of packets before this one that are missing
     */
    public void packet(final long nanos, final int direction, final int length, final DirectBuffer from,
                       final int offset, final int captured, final byte[] comment, final long skipped) {
        begin(ENHANCED_PACKET);
        integer(0); // the only interface
        time(nanos);
        integer(captured);
        integer(length);
        buffer.putBytes(at, from, offset, captured);
        pad(captured);
        option(COMMENT, comment);
        integer(FLAGS | Integer.BYTES << LENGTH_SHIFT);
        integer(direction);
        if (skipped != 0) {
            count(DROP_COUNT, skipped);
        }
        end();
    }

    /**
     * Adds the counts of the capture so far.
     *
     * @param nanos the time since 1970
     * @param received the number of packets at the interface
     * @param lost the number of those that were lost before the filter
     * @param accepted the number of those that the filter accepted
     */
    public void statistics(final long nanos, final long received, final long lost, final long accepted) {
        begin(INTERFACE_STATISTICS);
        integer(0);
        time(nanos);
        count(RECEIVED, received);
        count(LOST, lost);
        count(ACCEPTED, accepted);
        end();
    }

    private void begin(final int type) {
        block = at;
        integer(type);
        integer(0); // the length, which is known at the end
    }

    private void end() {
        integer(END);
        final int length = at + Integer.BYTES - block;
        integer(length);
        buffer.putInt(block + Integer.BYTES, length, ByteOrder.LITTLE_ENDIAN);
    }

    private void integer(final int value) {
        buffer.putInt(at, value, ByteOrder.LITTLE_ENDIAN);
        at += Integer.BYTES;
    }

    private void time(final long nanos) {
        integer((int) (nanos >>> 32));
        integer((int) nanos);
    }

    private void count(final int code, final long value) {
        integer(code | Long.BYTES << LENGTH_SHIFT);
        buffer.putLong(at, value, ByteOrder.LITTLE_ENDIAN);
        at += Long.BYTES;
    }

    private void option(final int code, final byte[] value) {
        integer(code | value.length << LENGTH_SHIFT);
        buffer.putBytes(at, value);
        pad(value.length);
    }

    /** Moves past a value and the zeros that pad it to four bytes. */
    private void pad(final int length) {
        final int padding = -length & 3;
        buffer.setMemory(at + length, padding, (byte) 0);
        at += length + padding;
    }
}
