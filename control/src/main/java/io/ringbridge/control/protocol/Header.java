package io.ringbridge.control.protocol;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The header of a message, which precedes its payload (vhost-user, "Header").
 *
 * <pre>
 *  0               4               8              12
 * +---------------+---------------+---------------+
 * | request       | flags         | size          |
 * +---------------+---------------+---------------+
 *                   bits 0-1 version 1, bit 2 reply, bit 3 need_reply
 * </pre>
 *
 * @param request the number of the message
 * @param flags as above
 * @param size bytes of payload
 */
public record Header(int request, int flags, int size) {
    /** Bytes of a header. */
    public static final int BYTES = 12;
    /** The largest accepted payload in bytes. The longest assigned message has 2056. */
    public static final int MAX_PAYLOAD = 64 * 1024;
    public static final int VERSION = 1;
    public static final int REPLY = 4;
    public static final int NEED_REPLY = 8;

    private static final int VERSION_MASK = 3;

    /** Reads a header. */
    public static Header decode(final ByteBuffer bytes) {
        final ByteBuffer in = bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        return new Header(in.getInt(), in.getInt(), in.getInt());
    }

    /** Writes the header. */
    public void encode(final ByteBuffer out) {
        out.order(ByteOrder.LITTLE_ENDIAN).putInt(request).putInt(flags).putInt(size);
    }

    /**
     * Checks the header before the payload is read.
     *
     * @return this header
     * @throws ProtocolException if the version differs, or if the payload is longer than {@link #MAX_PAYLOAD}
     */
    public Header checked() {
        if ((flags & VERSION_MASK) != VERSION) {
            throw ProtocolException.fatal("request " + Integer.toUnsignedString(request) + " has flags 0x"
                + Integer.toHexString(flags) + "; version " + VERSION + " is allowed");
        }
        if (size < 0 || size > MAX_PAYLOAD) {
            throw ProtocolException.fatal("request " + Integer.toUnsignedString(request) + " has a payload of "
                + Integer.toUnsignedString(size) + " bytes; at most " + MAX_PAYLOAD + " are allowed");
        }
        return this;
    }

    public boolean isReply() {
        return (flags & REPLY) != 0;
    }

    public boolean needsReply() {
        return (flags & NEED_REPLY) != 0;
    }
}
