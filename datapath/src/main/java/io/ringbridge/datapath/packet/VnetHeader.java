package io.ringbridge.datapath.packet;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.ring.Features;

/**
 * The requests of a frame's virtio-net header: to complete a checksum, or to cut a packet into segments. The header may
 * instead vouch that the frame's checksum has been verified (virtio 1.2, section 5.1.6).
 *
 * <pre>
 *  0      1         2        4         6           8            10
 *  flags  gso_type  hdr_len  gso_size  csum_start  csum_offset  num_buffers
 * </pre>
 *
 * <p>Each field is read once from the sender's memory, and trusted only after {@link #check}. The fields are defined
 * only if that returned features. The worker that took the frame writes them, and the one that delivers the frame reads
 * them.
 *
 * <p>{@link #check} validates only fields that the switch acts upon. It ignores hints ({@code hdr_len}), bits and types
 * that the sender did not negotiate, and fields that depend on an unset one. No frame is dropped because of them, and
 * no receiver sees them.
 */
public final class VnetHeader {
    /** The bits of the first eight bytes that request something. If all are 0, the other fields are undefined. */
    public static final long REQUESTING = 0xFF01;
    /** {@link #REQUESTING} for an uplink, which may also vouch for a checksum; a driver may not. */
    public static final long REQUESTING_UPLINK = REQUESTING | 2;
    /** The features that allow a driver to request something. */
    public static final long OFFERED =
        Features.of(Features.CSUM, Features.HOST_TSO4, Features.HOST_TSO6, Features.HOST_ECN, Features.HOST_UFO);
    /** The result of {@link #check} for a header that does not fit its frame. */
    public static final int INVALID = -1;
    /** A bit of the result of {@link #check} that no receiver negotiates: the frame is cut for every receiver. */
    public static final int NOBODY = 1 << 31;
    /** Bytes of scratch memory for {@link #check}. */
    public static final int SCRATCH = PacketLayout.LOOK_AHEAD;

    private static final int NEEDS_CSUM = 1;
    private static final int DATA_VALID = 2;
    private static final int TCPV4 = 1;
    private static final int UDP = 3;
    private static final int TCPV6 = 4;
    private static final int UDP_L4 = 5;
    private static final int ECN = 0x80;
    private static final int CSUM_OFFSET_TCP = 16;
    private static final int CSUM_OFFSET_UDP = 6;
    private static final int MAX_START = 0xFFFF;
    private static final int HEADER_WITH_BUFFERS = 12;
    /** The length of a fragment is a positive multiple of this. */
    private static final int FRAGMENT_UNIT = 8;
    private static final int FRAGMENT_HEADER = 8;

    /** Whether the header requests nothing, and the frame's checksum has been verified. */
    private boolean vouches;
    private int gsoType;
    private int gsoSize;
    private int checksumStart;
    private int checksumOffset;
    private final PacketLayout layout = new PacketLayout();

    /**
     * Stores the fields of a header, and checks them against the frame.
     *
     * @param word the first eight bytes
     * @param offset {@code csum_offset}
     * @param features the features that the sender negotiated
     * @param frame the bytes after the header
     * @param scratch {@link #SCRATCH} bytes
     * @return the features with which a receiver accepts frame and header unchanged, in the lower half of the feature
     *     word; or {@link #INVALID}
     */
    public int check(final long word, final int offset, final long features, final Segments frame, final long scratch) {
        gsoType = negotiated((int) (word >>> 8) & 0xFF, features);
        gsoSize = (int) (word >>> 32) & 0xFFFF;
        checksumStart = (int) (word >>> 48);
        checksumOffset = offset;
        final boolean partial = (word & NEEDS_CSUM) != 0 && Features.has(features, Features.CSUM);
        vouches = gsoType == 0 && !partial && (word & DATA_VALID) != 0;
        if (gsoType != 0) {
            return checkSegments(frame, partial, scratch);
        }
        gsoSize = 0;
        if (!partial) {
            return vouches ? 1 << Features.GUEST_CSUM : 0;
        }
        return checksumStart < Ethernet.HEADER || checksumStart + checksumOffset + 2 > frame.totalLength()
            ? INVALID : 1 << Features.GUEST_CSUM;
    }

    /** Returns the requested type of segments if the sender negotiated it, or 0. Only TCP uses the ECN bit. */
    private static int negotiated(final int asked, final long features) {
        final int type = asked & ~ECN;
        final boolean known = switch (type) {
            case TCPV4 -> Features.has(features, Features.HOST_TSO4);
            case TCPV6 -> Features.has(features, Features.HOST_TSO6);
            case UDP -> Features.has(features, Features.HOST_UFO);
            case UDP_L4 -> Features.has(features, Features.HOST_USO);
            default -> false;
        };
        return !known ? 0 : type == TCPV4 || type == TCPV6 ? asked : type;
    }

    /**
     * Checks that the frame is of the type to be cut. A receiver that accepts the frame whole also completes its
     * checksum. Without a request for a checksum, the frame is therefore cut for every receiver.
     */
    private int checkSegments(final Segments frame, final boolean partial, final long scratch) {
        if (gsoSize == 0 || !layout.find(frame, scratch) || !isOfKind()) {
            return INVALID;
        }
        final int field = layout.protocol() == PacketLayout.UDP ? CSUM_OFFSET_UDP : CSUM_OFFSET_TCP;
        if (partial) {
            return checksumStart == layout.transport() && checksumOffset == field ? needs() : INVALID;
        }
        checksumStart = layout.transport();
        checksumOffset = field;
        return needs() | NOBODY;
    }

    private boolean isOfKind() {
        return switch (gsoType & ~ECN) {
            case TCPV4 -> layout.protocol() == PacketLayout.TCP && !layout.isIpv6();
            case TCPV6 -> layout.protocol() == PacketLayout.TCP && layout.isIpv6();
            default -> layout.protocol() == PacketLayout.UDP;
        };
    }

    /** Returns the features of a receiver that accepts the frame whole. */
    private int needs() {
        final int whole = 1 << Features.GUEST_CSUM | switch (gsoType & ~ECN) {
            case TCPV4 -> 1 << Features.GUEST_TSO4;
            case TCPV6 -> 1 << Features.GUEST_TSO6;
            case UDP -> 1 << Features.GUEST_UFO;
            default -> NOBODY;
        };
        return (gsoType & ECN) != 0 ? whole | 1 << Features.GUEST_ECN : whole;
    }

    /** Whether the header requests nothing, and vouches that the frame's checksum has been verified. */
    boolean vouches() {
        return vouches;
    }

    /** Whether the header requests segments, not only a checksum. */
    public boolean isGso() {
        return gsoType != 0;
    }

    /** Whether the segments are fragments of one UDP datagram. */
    boolean isFragmented() {
        return gsoType == UDP;
    }

    PacketLayout layout() {
        return layout;
    }

    /**
     * Returns the most bytes of a segment after its headers. For fragments of a UDP datagram, the UDP header counts as
     * part of these bytes.
     */
    public int segmentSize() {
        return isFragmented() ? Math.max(FRAGMENT_UNIT, gsoSize & -FRAGMENT_UNIT) : gsoSize;
    }

    int checksumStart() {
        return checksumStart;
    }

    int checksumOffset() {
        return checksumOffset;
    }

    /** Returns the bytes of the longest IP packet that the frame is cut into. */
    public int longestPacket(final Segments frame) {
        final int headers = isFragmented() ? layout.transport() : layout.payload();
        final int rest = frame.totalLength() - headers;
        final int fragment = isFragmented() && layout.isIpv6() && rest > segmentSize() ? FRAGMENT_HEADER : 0;
        return headers - layout.network() + fragment + Math.min(segmentSize(), rest);
    }

    /**
     * Writes the header for a receiver that accepts the frame unchanged. The sender's hints are not passed on.
     *
     * @param headerLength 10 or 12
     * @param buffers {@code num_buffers}, if the header has this field
     */
    public void write(final long to, final int headerLength, final int buffers) {
        if (vouches) {
            write(to, DATA_VALID, 0, headerLength, buffers);
            return;
        }
        final long headers = !isGso() ? 0 : layout.payload();
        write(to, NEEDS_CSUM | gsoType << 8 | headers << 16 | (long) segmentSize() << 32 | (long) checksumStart << 48,
            checksumOffset, headerLength, buffers);
    }

    /** Writes the header of a segment whose checksum the receiver completes, as for the frame it was cut from. */
    void writePartial(final long to, final int headerLength) {
        write(to, NEEDS_CSUM | (long) checksumStart << 48, checksumOffset, headerLength, 1);
    }

    /** Writes a header that requests nothing. */
    public static void writePlain(final long to, final int headerLength, final int buffers) {
        write(to, 0, 0, headerLength, buffers);
    }

    /**
     * Writes only the words that differ. The header's cache line is often shared with the guest's processor, and its
     * content is often right already.
     */
    private static void write(final long to, final long first, final int offset, final int headerLength,
                              final int buffers) {
        if (Memory.getLong(to) != first) {
            Memory.putLong(to, first);
        }
        if (headerLength < HEADER_WITH_BUFFERS) {
            Memory.putShort(to + 8, (short) offset);
        } else if (Memory.getInt(to + 8) != (offset | buffers << 16)) {
            Memory.putInt(to + 8, offset | buffers << 16);
        }
    }

    /**
     * Whether a tag may be inserted into or removed from the Ethernet header. The bytes to sum and the checksum field
     * must be after this header, and their shifted offset must still fit its field.
     *
     * @param ethernet bytes of the Ethernet header, including its tag
     */
    public boolean allowsTags(final int ethernet) {
        return vouches || checksumStart >= ethernet && checksumStart <= MAX_START - Ethernet.TAG;
    }

    /** Moves all offsets by a number of bytes, which may be negative. */
    public void moveBy(final int bytes) {
        checksumStart += bytes;
        layout.shift(bytes);
    }

    /** Becomes a copy of the requests of another header. */
    public void copyOf(final VnetHeader other) {
        vouches = other.vouches;
        gsoType = other.gsoType;
        gsoSize = other.gsoSize;
        checksumStart = other.checksumStart;
        checksumOffset = other.checksumOffset;
        layout.copyOf(other.layout);
    }
}
