package io.ringbridge.bench.load;

import io.ringbridge.datapath.memory.Memory;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The layout of the frames: IPv4 and UDP, so that a back-end with several queues can distinguish flows.
 *
 * <pre>
 *   0 Ethernet: destination, source, 0x0800
 *  14 IPv4: total length at 16, checksum at 24, addresses of the range for benchmarks (RFC 2544, appendix C.2.2) at 26
 *  34 UDP: the source port is the flow, the destination port the lane; no checksum
 *  42 u64: number of the frame within its flow in bits 0-47, number of the trial in bits 48-63
 *  50 u64: time when the frame was due, in nanoseconds
 *  58 undefined: the previous content of the buffer
 * </pre>
 */
final class Wire {
    static final int STAMP = 42;
    static final int TIME = 50;
    static final int HEADER = 58;
    static final int NUMBER_BITS = 48;
    static final long BROADCAST = 0xFFFF_FFFF_FFFFL;

    /** The number of distinct stations. */
    static final int STATIONS = 1 << 16;

    private static final int TO_STATION = 4;
    private static final int FROM_STATION = 10;
    private static final int TYPE = 12;
    private static final int PROTOCOL = 23;
    private static final int PORTS = 34;
    private static final int UDP = 17;
    /**
     * The number of 64-bit words at the start of a frame that are equal in all frames of one length. The last word
     * includes the start of the stamp, which is then overwritten.
     */
    private static final int WORDS = 6;
    private static final int FIRST_FLOW = 1024;
    private static final int FIRST_LANE = 8192;
    private static final short IPV4 = 0x0800;
    private static final int NOT_OURS = -1;
    private static final int ETHERNET = 14;
    private static final int IP_HEADER = 20;

    private Wire() {
    }

    /**
     * Returns a station's locally administered address: 02:72:62:00 and the number of the station. The lowest byte is
     * the first on the wire.
     */
    static long mac(final int station) {
        return 0x62_7202L | (long) (station >>> 8 & 0xFF) << 32 | (long) (station & 0xFF) << 40;
    }

    /** Overwrites the station numbers in a frame's addresses. */
    static void stations(final long frame, final int from, final int to) {
        Memory.putShort(frame + TO_STATION, Short.reverseBytes((short) to));
        Memory.putShort(frame + FROM_STATION, Short.reverseBytes((short) from));
    }

    /** Returns the first words of a lane's frames, without the flow. */
    static long[] header(final int lane, final long from, final long to, final int length) {
        final ByteBuffer out = ByteBuffer.allocate(WORDS * Long.BYTES);
        mac(out, to);
        mac(out, from);
        out.putShort(IPV4).putShort((short) 0x4500).putShort((short) (length - ETHERNET)).putInt(0x0000_4000)
            .put((byte) 64).put((byte) UDP).putShort((short) 0).putInt(0xC612_0001).putInt(0xC613_0001)
            .putShort((short) FIRST_FLOW).putShort((short) (FIRST_LANE + lane))
            .putShort((short) (length - ETHERNET - IP_HEADER));
        out.putShort(ETHERNET + 10, checksum(out));
        return toWords(out);
    }

    private static void mac(final ByteBuffer out, final long address) {
        for (int i = 0; i < 6; i++) {
            out.put((byte) (address >>> Byte.SIZE * i));
        }
    }

    /** Returns the one's complement of the one's complement sum of the IP header's words (RFC 791, section 3.1). */
    private static short checksum(final ByteBuffer frame) {
        int sum = 0;
        for (int i = ETHERNET; i < ETHERNET + IP_HEADER; i += 2) {
            sum += frame.getShort(i) & 0xFFFF;
        }
        sum = (sum & 0xFFFF) + (sum >>> 16);
        return (short) ~(sum + (sum >>> 16));
    }

    private static long[] toWords(final ByteBuffer bytes) {
        bytes.clear().order(ByteOrder.LITTLE_ENDIAN);
        final long[] words = new long[WORDS];
        bytes.asLongBuffer().get(words);
        return words;
    }

    /** Writes a frame's first {@link #HEADER} bytes. */
    static void write(final long frame, final long[] header, final int flow, final long stamp, final long time) {
        for (int i = 0; i < WORDS; i++) {
            Memory.putLong(frame + (long) i * Long.BYTES, header[i]);
        }
        Memory.putShort(frame + PORTS, Short.reverseBytes((short) (FIRST_FLOW + flow)));
        Memory.putLong(frame + STAMP, stamp);
        Memory.putLong(frame + TIME, time);
    }

    /** Returns the flow of a frame, or -1 if the frame does not belong to this lane. */
    static int flow(final long frame, final int length, final int lane) {
        if (length < HEADER || Short.reverseBytes(Memory.getShort(frame + TYPE)) != IPV4
            || Memory.getByte(frame + PROTOCOL) != UDP
            || (Short.reverseBytes(Memory.getShort(frame + PORTS + 2)) & 0xFFFF) != FIRST_LANE + lane) {
            return NOT_OURS;
        }
        return (Short.reverseBytes(Memory.getShort(frame + PORTS)) & 0xFFFF) - FIRST_FLOW;
    }
}
