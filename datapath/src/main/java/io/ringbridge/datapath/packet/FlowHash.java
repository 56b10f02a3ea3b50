package io.ringbridge.datapath.packet;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;

/**
 * A hash that is equal for all frames of a flow. It covers VLAN, IP addresses, protocol and ports, or the Ethernet
 * addresses if the frame is not IP. Fragments are hashed without ports, because only the first fragment has them.
 */
public final class FlowHash {
    /** The bytes at the start of a frame that the hash may depend on. */
    public static final int LOOK_AHEAD = 96;
    /** Bits of a hash. */
    public static final int BITS = 16;

    private static final int ADDRESSES = 12;
    private static final int IPV4 = 0x0008;
    private static final int IPV6 = 0xDD86;
    private static final int VLAN = 0x0081;
    private static final int SERVICE_VLAN = 0xA888;
    private static final int TCP = 6;
    private static final int UDP = 17;
    private static final int SCTP = 132;
    private static final int FRAGMENT = 0xFF3F;

    private FlowHash() {
    }

    /**
     * Returns the hash of a frame.
     *
     * @param scratch {@link #LOOK_AHEAD} bytes of the caller's. The headers are copied there, so that guest memory is
     *     read only once.
     */
    public static int of(final Segments frame, final long scratch) {
        final int length = Math.min(LOOK_AHEAD, frame.totalLength());
        frame.peek(scratch, length);
        return of(scratch, length);
    }

    private static int of(final long header, final int length) {
        int at = ADDRESSES;
        int type = length < at + 2 ? 0 : Memory.getShort(header + at) & 0xFFFF;
        long hash = 0;
        while ((type == VLAN || type == SERVICE_VLAN) && length >= at + 6) {
            hash = mix(hash, Memory.getShort(header + at + 2) & 0xFF0F);
            at += 4;
            type = Memory.getShort(header + at) & 0xFFFF;
        }
        at += 2;
        if (type == IPV4 && length >= at + 20) {
            hash = mix(hash, Memory.getLong(header + at + 12));
            final int protocol = Memory.getByte(header + at + 9) & 0xFF;
            final boolean fragment = (Memory.getShort(header + at + 6) & FRAGMENT) != 0;
            final int ports = fragment ? length : at + 4 * (Memory.getByte(header + at) & 15);
            return finish(ports(mix(hash, protocol), header, ports, length, protocol));
        }
        if (type == IPV6 && length >= at + 40) {
            for (int i = 8; i < 40; i += 8) {
                hash = mix(hash, Memory.getLong(header + at + i));
            }
            final int protocol = Memory.getByte(header + at + 6) & 0xFF;
            return finish(ports(mix(hash, protocol), header, at + 40, length, protocol));
        }
        return length < ADDRESSES ? 0 : finish(mix(mix(hash, Memory.getLong(header)), Memory.getInt(header + 8)));
    }

    private static long ports(final long hash, final long header, final int at, final int length,
                              final int protocol) {
        final boolean has = (protocol == TCP || protocol == UDP || protocol == SCTP) && length >= at + 4;
        return has ? mix(hash, Memory.getInt(header + at)) : hash;
    }

    private static long mix(final long hash, final long word) {
        final long mixed = (hash ^ word) * 0x9E37_79B9_7F4A_7C15L;
        return mixed ^ mixed >>> 29;
    }

    private static int finish(final long hash) {
        return (int) (hash * 0xBF58_476D_1CE4_E5B9L >>> Long.SIZE - BITS);
    }
}
