package io.ringbridge.datapath.frame;

import io.ringbridge.datapath.memory.Memory;

/**
 * Makes of a frame what a receiver gets that does not take it as it is: TCP segments, UDP datagrams or fragments, or
 * the frame itself with its checksum completed.
 *
 * <p>Each is a {@link #prefix}, the headers with all that is different in them, and then {@link #payloadLength} bytes of the frame,
 * which the {@link FrameReader} stands at and which are not copied here. The headers are copied from the guest once a frame. Owned by
 * one worker; allocates nothing after construction.
 *
 * <p>At most {@link #MAX_SEGMENTS} are made of a frame. The rest of a TCP packet is left out, and its sender repeats
 * it. Of a datagram that would have more fragments, none is made.
 */
public final class Segmenter {
    /** Segments made of one frame: cutting it must not cost a worker much more than copying it does. */
    public static final int MAX_SEGMENTS = 512;
    /** Bytes kept free before {@link #prefix}, for the virtio-net header. */
    public static final int HEADROOM = 16;

    private static final int LONGEST_PREFIX = 1 << 17;
    private static final int FRAGMENT_HEADER = 8;
    private static final int FRAGMENT_PROTOCOL = 44;
    private static final int MORE_FRAGMENTS_4 = 0x2000;
    private static final int MORE_FRAGMENTS_6 = 1;
    private static final int FLAGS = 13;
    private static final int FIN_PSH = 0x09;
    private static final int CWR = 0x80;

    private final FrameReader reader;
    private final long prefix = Memory.allocate(HEADROOM + LONGEST_PREFIX) + HEADROOM;
    private int identification;
    private VnetHeader header;
    private PacketLayout layout;
    private boolean partial;
    private int limit;
    private int rest;
    private int done;
    private int prefixLength;
    private int payloadLength;
    private int firstId;
    private int firstSequence;
    private int flags;
    private int pseudoHeader;

    /**
     * Makes one.
     *
     * @param reader stands at each segment's payload
     * @param identification the first of those that IPv6 fragments get
     */
    public Segmenter(final FrameReader reader, final int identification) {
        this.reader = reader;
        this.identification = identification;
    }

    /**
     * Begins with a frame.
     *
     * @param takesPartial whether the receiver completes TCP checksums itself
     */
    public void begin(final Frame frame, final boolean takesPartial) {
        header = frame.header();
        layout = header.layout();
        done = 0;
        limit = MAX_SEGMENTS;
        partial = takesPartial && header.isGso() && !header.isFragmented();
        if (!header.isGso()) {
            beginWhole(frame);
        } else if (header.isFragmented()) {
            beginFragments(frame);
        } else {
            beginSegments(frame);
        }
    }

    /** The frame as it is, up to and with its checksum, which is completed from what was copied; unless there is nothing to complete. */
    private void beginWhole(final Frame frame) {
        if (header.vouches()) {
            take(frame, 0);
            return;
        }
        final int start = header.checksumStart();
        final int at = start + header.checksumOffset();
        take(frame, at + 2);
        final int covered = prefixLength - start;
        final int after = reader.sum(rest);
        final long sum = (long) Checksum.sum(prefix + start, covered) + ((covered & 1) == 0 ? after : Checksum.swap(after));
        Memory.putShort(prefix + at, Checksum.given(sum));
    }

    private void beginSegments(final Frame frame) {
        takeHeaders(frame);
        firstSequence = Integer.reverseBytes(Memory.getInt(prefix + layout.transport() + 4));
        flags = Memory.getByte(prefix + layout.transport() + FLAGS); // of UDP neither is used
        pseudoHeader = pseudoHeader();
    }

    /** The datagram's checksum is completed here, and the room for what makes a fragment of an IPv6 packet is made. */
    private void beginFragments(final Frame frame) {
        final int transport = layout.transport();
        takeHeaders(frame);
        final int length = frame.totalLength() - transport;
        if (length > header.segmentSize() * MAX_SEGMENTS) {
            limit = 0;
            return;
        }
        put(prefix + transport + 4, length);
        Memory.putShort(prefix + transport + 6, (short) 0);
        final long sum = (long) pseudoHeader() + Checksum.word(length) + Checksum.sum(prefix + transport, PacketLayout.UDP_HEADER)
            + reader.sum(rest);
        Memory.putShort(prefix + transport + 6, Checksum.given(sum));
        rest += PacketLayout.UDP_HEADER;
        if (layout.isIpv6() && rest > header.segmentSize()) {
            Memory.putLong(prefix + transport + FRAGMENT_HEADER, Memory.getLong(prefix + transport));
            Memory.putByte(prefix + layout.nextHeader(), (byte) FRAGMENT_PROTOCOL);
            Memory.putInt(prefix + transport, PacketLayout.UDP);
            Memory.putInt(prefix + transport + 4, Integer.reverseBytes(identification++));
            prefixLength += FRAGMENT_HEADER;
        }
    }

    private void takeHeaders(final Frame frame) {
        take(frame, layout.payload());
        firstId = Checksum.word(Memory.getShort(prefix + layout.network() + 4));
    }

    private void take(final Frame frame, final int bytes) {
        frame.peek(prefix, bytes);
        reader.begin(frame, bytes);
        prefixLength = bytes;
        rest = frame.totalLength() - bytes;
    }

    /** The sum of addresses and protocol; that of the length is missing. */
    private int pseudoHeader() {
        final long source = prefix + layout.network() + (layout.isIpv6() ? 8 : 12);
        final int size = layout.isIpv6() ? 16 : 4;
        return Checksum.fold((long) Checksum.sum(source, size) + Checksum.sum(prefix + layout.destination(), size)
            + Checksum.word(layout.protocol()));
    }

    /** Makes the next segment; false when there is none left. Whoever makes one reads its payload before the next. */
    public boolean next() {
        if (done > 0 && rest == 0 || done == limit) {
            return false;
        }
        if (!header.isGso()) {
            payloadLength = rest;
            rest = 0;
        } else if (header.isFragmented()) {
            nextFragment();
        } else {
            nextSegment();
        }
        done++;
        return true;
    }

    /** Whether {@link #next} has come to the limit, and left the rest of the frame out. */
    public boolean isLimited() {
        return done == limit && rest > 0;
    }

    /** A TCP segment, or a UDP datagram of its own. */
    private void nextSegment() {
        final int transport = layout.transport();
        final int size = header.segmentSize();
        payloadLength = Math.min(size, rest);
        rest -= payloadLength;
        final int length = prefixLength - transport + payloadLength;
        internet(firstId + done);
        if (layout.protocol() == PacketLayout.UDP) {
            put(prefix + transport + 4, length);
        } else {
            Memory.putInt(prefix + transport + 4, Integer.reverseBytes(firstSequence + done * size));
            final int ends = rest == 0 ? 0 : FIN_PSH;
            final int begins = done == 0 ? 0 : CWR;
            Memory.putByte(prefix + transport + FLAGS, (byte) (flags & ~ends & ~begins));
        }
        final long pseudo = (long) pseudoHeader + Checksum.word(length);
        final long field = prefix + transport + header.checksumOffset();
        if (partial) {
            Memory.putShort(field, (short) Checksum.fold(pseudo));
        } else {
            Memory.putShort(field, (short) 0);
            final long sum = pseudo + Checksum.sum(prefix + transport, prefixLength - transport) + reader.sum(payloadLength);
            final boolean udp = layout.protocol() == PacketLayout.UDP;
            Memory.putShort(field, udp ? Checksum.given(sum) : Checksum.complement(sum));
        }
    }

    /** A fragment; the first one's UDP header is part of the prefix, and the others have none. */
    private void nextFragment() {
        final int offset = done * header.segmentSize();
        final int size = Math.min(header.segmentSize(), rest);
        rest -= size;
        if (done == 0) {
            payloadLength = size - PacketLayout.UDP_HEADER;
        } else {
            payloadLength = size;
            prefixLength -= done == 1 ? PacketLayout.UDP_HEADER : 0;
        }
        if (done > 0 || rest > 0) {
            if (layout.isIpv6()) {
                put(prefix + layout.transport() + 2, offset | (rest > 0 ? MORE_FRAGMENTS_6 : 0));
            } else {
                put(prefix + layout.network() + 6, offset >>> 3 | (rest > 0 ? MORE_FRAGMENTS_4 : 0));
            }
        }
        internet(firstId);
    }

    /** Puts length, identification and checksum into the IP header. */
    private void internet(final int id) {
        final long at = prefix + layout.network();
        final int length = prefixLength + payloadLength - layout.network();
        if (layout.isIpv6()) {
            put(at + 4, length - PacketLayout.IPV6_HEADER);
            return;
        }
        put(at + 2, length);
        put(at + 4, id);
        Memory.putShort(at + 10, (short) 0);
        Memory.putShort(at + 10, Checksum.complement(Checksum.sum(at, layout.transport() - layout.network())));
    }

    private static void put(final long address, final int number) {
        Memory.putShort(address, (short) Checksum.word(number));
    }

    /** Where the segment's headers are; before it, {@link #HEADROOM} bytes are free. */
    public long prefix() {
        return prefix;
    }

    /** How many bytes are there. */
    public int prefixLength() {
        return prefixLength;
    }

    /** How many bytes of the frame follow. */
    public int payloadLength() {
        return payloadLength;
    }

    /** Writes the segment's virtio-net header before its prefix. */
    public void writeHeader(final int headerLength) {
        if (partial) {
            header.writePartial(prefix - headerLength, headerLength);
        } else {
            VnetHeader.writePlain(prefix - headerLength, headerLength, 1);
        }
    }
}
