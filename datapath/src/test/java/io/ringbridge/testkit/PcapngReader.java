package io.ringbridge.testkit;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Reads captures in the pcapng format, as far as the switch writes it. Fails on everything else. */
public final class PcapngReader {
    public static final int INBOUND = 1;
    public static final int OUTBOUND = 2;

    public final List<Packet> packets = new ArrayList<>();
    public String port = "";
    public String filter = "";
    public int snapLength;
    /** The last counts: received, lost, and accepted by the filter. */
    public long received;
    public long lost;
    public long accepted;

    /** A captured packet. */
    public static final class Packet {
        public final long nanos;
        public final int direction;
        public final int length;
        public final byte[] bytes;
        public final String comment;

        Packet(final long nanos, final int direction, final int length, final byte[] bytes, final String comment) {
            this.nanos = nanos;
            this.direction = direction;
            this.length = length;
            this.bytes = bytes;
            this.comment = comment;
        }

        @Override
        public String toString() {
            return (direction == INBOUND ? "in " : "out ") + length + ": " + comment;
        }
    }

    public PcapngReader(final byte[] file) {
        final ByteBuffer in = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        check(in.getInt(0) == 0x0A0D0D0A && in.getInt(8) == 0x1A2B3C4D, "it starts with a section");
        while (in.hasRemaining()) {
            final int type = in.getInt();
            final int length = in.getInt();
            final ByteBuffer body = in.slice(in.position(), length - 12).order(ByteOrder.LITTLE_ENDIAN);
            in.position(in.position() + length - 12);
            check(length % 4 == 0 && in.getInt() == length, "a block has its length at both ends");
            block(type, body);
        }
    }

    private void block(final int type, final ByteBuffer body) {
        switch (type) {
            case 0x0A0D0D0A -> check(body.getShort(4) == 1 && body.getShort(6) == 0, "version 1.0");
            case 1 -> {
                check(body.getShort(0) == 1, "Ethernet");
                snapLength = body.getInt(4);
                final Map<Integer, byte[]> options = options(body.position(8));
                port = text(options.get(2), 0);
                check(options.get(9)[0] == 9, "nanoseconds");
                filter = options.containsKey(11) ? text(options.get(11), 1) : "";
            }
            case 5 -> {
                final Map<Integer, byte[]> options = options(body.position(12));
                received = number(options.get(4));
                lost = number(options.get(5));
                accepted = number(options.get(6));
            }
            case 6 -> packet(body);
            default -> throw new AssertionError("a block of type " + type);
        }
    }

    private void packet(final ByteBuffer body) {
        check(body.getInt() == 0, "the only interface");
        final long nanos = (long) body.getInt() << 32 | body.getInt() & 0xFFFF_FFFFL;
        final byte[] bytes = new byte[body.getInt()];
        final int length = body.getInt();
        body.get(bytes);
        body.position(body.position() + (-bytes.length & 3));
        final Map<Integer, byte[]> options = options(body);
        packets.add(new Packet(nanos, options.get(2)[0], length, bytes, text(options.get(1), 0)));
    }

    private static Map<Integer, byte[]> options(final ByteBuffer in) {
        final Map<Integer, byte[]> options = new HashMap<>();
        while (in.hasRemaining()) {
            final int code = in.getShort();
            final byte[] value = new byte[in.getShort()];
            in.get(value);
            in.position(in.position() + (-value.length & 3));
            check(code != 0 || !in.hasRemaining(), "the end of the options is the end of the block");
            options.put(code, value);
        }
        check(options.containsKey(0), "the options have an end");
        return options;
    }

    private static String text(final byte[] value, final int from) {
        return new String(value, from, value.length - from, StandardCharsets.UTF_8);
    }

    private static long number(final byte[] value) {
        return ByteBuffer.wrap(value).order(ByteOrder.LITTLE_ENDIAN).getLong();
    }

    private static void check(final boolean condition, final String what) {
        if (!condition) {
            throw new AssertionError("not so: " + what);
        }
    }
}
