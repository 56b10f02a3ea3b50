package io.ringbridge.datapath.frame;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.ring.Features;

/**
 * What the virtio-net header of a frame asks for: a checksum to be completed, or a packet to be cut into segments; or that the frame's
 * checksum has been verified (virtio 1.2, section 5.1.6).
 *
 * <pre>
 *  0      1         2        4         6           8            10
 *  flags  gso_type  hdr_len  gso_size  csum_start  csum_offset  num_buffers
 * </pre>
 *
 * <p>Each field is read once from the sender's memory, and believed only after {@link #check}. Only frames with
 * {@link Frame#needs} have one that means anything. Written by the worker that took the frame, read by the one that delivers it.
 */
public final class VnetHeader {
    /** In the first eight bytes, the bits of which one at least asks for something; without them the others mean nothing. */
    public static final long ASKING = 0xFF01;
    /** The same of an uplink, which may vouch for a checksum as well; a driver may not. */
    public static final long ASKING_UPLINK = ASKING | 2;
    /** The features with which a driver may ask for something. */
    public static final long ASKABLE =
        Features.of(Features.CSUM, Features.HOST_TSO4, Features.HOST_TSO6, Features.HOST_ECN, Features.HOST_UFO);
    /** What {@link #check} answers for a header that its frame or the sender's features do not bear out. */
    public static final int LIES = 0;
    /** Bytes of the caller's that {@link #check} wants. */
    public static final int SCRATCH = PacketLayout.LOOK_AHEAD;
    /** Segments that a frame may come to: cutting a frame must not cost a worker much more than copying it does. */
    public static final int MAX_SEGMENTS = 512;

    private static final int NEEDS_CSUM = 1;
    private static final int DATA_VALID = 2;
    private static final int TCPV4 = 1;
    private static final int UDP = 3;
    private static final int TCPV6 = 4;
    private static final int ECN = 0x80;
    private static final int CSUM_OFFSET_TCP = 16;
    private static final int CSUM_OFFSET_UDP = 6;
    private static final int MAX_START = 0xFFFF;
    private static final int HEADER_WITH_BUFFERS = 12;
    /** The distance of HOST_TSO4, HOST_TSO6, HOST_ECN and HOST_UFO from the features that stand for the same in a receiver. */
    private static final int HOST_TO_GUEST = 4;
    /** A fragment's length is a multiple of this. */
    private static final int FRAGMENT_UNIT = 8;
    private static final int FRAGMENT_HEADER = 8;

    /** Whether it asks for nothing, and the frame's checksum has been verified. */
    private boolean vouches;
    private int gsoType;
    private int gsoSize;
    private int checksumStart;
    private int checksumOffset;
    private final PacketLayout layout = new PacketLayout();

    /**
     * Takes what was read of a header, and checks it against the frame and the sender's features.
     *
     * @param word the first eight bytes
     * @param offset {@code csum_offset}
     * @param features what the sender negotiated
     * @param frame what comes after the header
     * @param scratch {@link #SCRATCH} bytes
     * @return the features, as in {@link Frame#needs}, with which a receiver takes frame and header as they are; or {@link #LIES}
     */
    public int check(final long word, final int offset, final long features, final Frame frame, final long scratch) {
        gsoType = (int) (word >>> 8) & 0xFF;
        gsoSize = (int) (word >>> 32) & 0xFFFF;
        checksumStart = (int) (word >>> 48);
        checksumOffset = offset;
        final int headers = (int) (word >>> 16) & 0xFFFF;
        final boolean partial = (word & NEEDS_CSUM) != 0;
        vouches = gsoType == 0 && !partial;
        if (vouches) {
            return 1 << Features.GUEST_CSUM;
        }
        if (!partial || !Features.has(features, Features.CSUM) || headers > frame.totalLength()
            || checksumStart < Ethernet.HEADER || checksumStart + checksumOffset + 2 > frame.totalLength()) {
            return LIES;
        }
        final int needs = needs(gsoType);
        if (gsoType == 0) {
            gsoSize = 0;
            return needs;
        }
        final long needed = (long) (needs & ~(1 << Features.GUEST_CSUM)) << HOST_TO_GUEST;
        return needs != LIES && (features & needed) == needed && layout.find(frame, scratch) && canBeCut(frame) ? needs : LIES;
    }

    /** The features of a receiver that takes this whole; {@link #LIES} for what nobody may ask for. */
    private static int needs(final int gsoType) {
        final int whole = switch (gsoType & ~ECN) {
            case 0 -> gsoType == 0 ? 1 << Features.GUEST_CSUM : LIES;
            case TCPV4 -> 1 << Features.GUEST_CSUM | 1 << Features.GUEST_TSO4;
            case TCPV6 -> 1 << Features.GUEST_CSUM | 1 << Features.GUEST_TSO6;
            case UDP -> (gsoType & ECN) == 0 ? 1 << Features.GUEST_CSUM | 1 << Features.GUEST_UFO : LIES;
            default -> LIES;
        };
        return whole != LIES && (gsoType & ECN) != 0 ? whole | 1 << Features.GUEST_ECN : whole;
    }

    /** Whether what is to be cut is of the kind that the header says, and can be. */
    private boolean canBeCut(final Frame frame) {
        final boolean udp = gsoType == UDP;
        if (layout.protocol() != (udp ? PacketLayout.UDP : PacketLayout.TCP) || !udp && layout.isIpv6() != ((gsoType & ~ECN) == TCPV6)) {
            return false;
        }
        final int rest = frame.totalLength() - (udp ? layout.transport() : layout.payload());
        return checksumStart == layout.transport() && checksumOffset == (udp ? CSUM_OFFSET_UDP : CSUM_OFFSET_TCP)
            && segmentSize() > 0 && rest <= (long) segmentSize() * MAX_SEGMENTS;
    }

    /** Whether it asks for nothing, but says that the frame's checksum has been verified. */
    boolean vouches() {
        return vouches;
    }

    /** Whether it asks for segments, and not for a checksum alone. */
    public boolean isGso() {
        return gsoType != 0;
    }

    boolean isUdp() {
        return gsoType == UDP;
    }

    PacketLayout layout() {
        return layout;
    }

    /** How many bytes a segment has after its headers at the most; of UDP a fragment, whose first begins with the UDP header. */
    int segmentSize() {
        return isUdp() ? gsoSize & -FRAGMENT_UNIT : gsoSize;
    }

    int checksumStart() {
        return checksumStart;
    }

    int checksumOffset() {
        return checksumOffset;
    }

    /** Bytes of the longest IP packet that the frame comes to once it is cut. */
    public int longestPacket(final Frame frame) {
        final int headers = isUdp() ? layout.transport() : layout.payload();
        final int rest = frame.totalLength() - headers;
        final int fragment = isUdp() && layout.isIpv6() && rest > segmentSize() ? FRAGMENT_HEADER : 0;
        return headers - layout.network() + fragment + Math.min(segmentSize(), rest);
    }

    /**
     * Writes the header for a receiver that takes the frame as it is. What only hints at something is not passed on as the sender had it.
     *
     * @param headerLength 10 or 12
     * @param buffers {@code num_buffers}, if there is one
     */
    public void write(final long to, final int headerLength, final int buffers) {
        if (vouches) {
            write(to, DATA_VALID, 0, headerLength, buffers);
            return;
        }
        final long headers = !isGso() ? 0 : layout.payload();
        write(to, NEEDS_CSUM | gsoType << 8 | headers << 16 | (long) segmentSize() << 32 | (long) checksumStart << 48, checksumOffset,
            headerLength, buffers);
    }

    /** Writes the header of a segment, whose checksum is to be completed like that of the frame it was cut from. */
    void writePartial(final long to, final int headerLength) {
        write(to, NEEDS_CSUM | (long) checksumStart << 48, checksumOffset, headerLength, 1);
    }

    /** Writes a header that asks for nothing. */
    public static void writePlain(final long to, final int headerLength, final int buffers) {
        write(to, 0, 0, headerLength, buffers);
    }

    /** Writes only what differs: the line a header lies on is often shared with the guest's processor, and right already. */
    private static void write(final long to, final long first, final int offset, final int headerLength, final int buffers) {
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
     * Whether a tag may be put in or taken out before the end of the Ethernet header: whether all that is to be summed, or written, is
     * behind it, and can still be told of.
     *
     * @param ethernet bytes of the Ethernet header, with its tag
     */
    public boolean allowsTags(final int ethernet) {
        return vouches || checksumStart >= ethernet && checksumStart <= MAX_START - Ethernet.TAG;
    }

    /** Takes over that what it tells of has moved by so many bytes, up or down. */
    void shift(final int bytes) {
        checksumStart += bytes;
        layout.shift(bytes);
    }

    void copyOf(final VnetHeader other) {
        vouches = other.vouches;
        gsoType = other.gsoType;
        gsoSize = other.gsoSize;
        checksumStart = other.checksumStart;
        checksumOffset = other.checksumOffset;
        layout.copyOf(other.layout);
    }
}
