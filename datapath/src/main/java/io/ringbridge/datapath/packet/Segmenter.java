package io.ringbridge.datapath.packet;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.os.Scratch;

/**
 * Converts a frame for a receiver that does not accept it unchanged: into TCP segments, UDP datagrams or fragments, or
 * into the same frame with a complete checksum.
 *
 * <p>Each segment consists of the {@link #prefix}, its own headers, and of {@link #payloadLength} bytes of the frame.
 * The payload is not copied here: the {@link PieceReader} is positioned at its start. The headers are copied from the
 * guest once per frame. Owned by one worker; allocates nothing after construction.
 *
 * <p>A frame yields at most {@link #MAX_SEGMENTS}. The rest of a TCP packet is omitted, and its sender retransmits it.
 * A datagram that needs more fragments yields none.
 */
public final class Segmenter {
    /** The most segments of one frame: to segment it must not cost a worker much more than to copy it. */
    public static final int MAX_SEGMENTS = 512;
    /** Bytes reserved before {@link #prefix} for the virtio-net header. */
    public static final int HEADROOM = 16;

    private static final int LONGEST_PREFIX = 1 << 17;
    private static final int FRAGMENT_HEADER = 8;
    private static final int FRAGMENT_PROTOCOL = 44;
    private static final int MORE_FRAGMENTS_4 = 0x2000;
    private static final int MORE_FRAGMENTS_6 = 1;
    private static final int FLAGS = 13;
    private static final int FIN_PSH = 0x09;
    private static final int CWR = 0x80;

    private final PieceReader reader;
    private final Scratch memory = Scratch.of(HEADROOM + LONGEST_PREFIX);
    private final long prefix = memory.address() + HEADROOM;
    private int identification;
    private VnetHeader header = new VnetHeader();
    private PacketLayout layout = header.layout();
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
     * Creates a segmenter.
     *
     * @param reader is positioned at each segment's payload
     * @param identification the first identification of IPv6 fragments
     */
    public Segmenter(final PieceReader reader, final int identification) {
        this.reader = reader;
        this.identification = identification;
    }

    /**
     * Starts the conversion of a frame.
     *
     * @param requests the requests of the frame's virtio-net header
     * @param takesPartial whether the receiver completes TCP checksums itself
     */
    public void begin(final Segments frame, final VnetHeader requests, final boolean takesPartial) {
        header = requests;
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

    /**
     * Starts with a frame that stays whole. The prefix ends with the checksum field, which is completed in the copy.
     * The prefix is empty if the frame does not request a checksum.
     */
    private void beginWhole(final Segments frame) {
        if (header.vouches()) {
            copyPrefix(frame, 0);
            return;
        }
        final int start = header.checksumStart();
        final int at = start + header.checksumOffset();
        copyPrefix(frame, at + 2);
        final int covered = prefixLength - start;
        final int after = reader.sum(rest);
        final long sum = (long) Checksum.sum(prefix + start, covered)
            + ((covered & 1) == 0 ? after : Checksum.swap(after));
        Memory.putShort(prefix + at, Checksum.given(sum));
    }

    private void beginSegments(final Segments frame) {
        copyHeaders(frame);
        firstSequence = Integer.reverseBytes(Memory.getInt(prefix + layout.transport() + 4));
        flags = Memory.getByte(prefix + layout.transport() + FLAGS); // UDP uses neither
        pseudoHeader = pseudoHeader();
    }

    /** Starts with a datagram: completes its checksum, and inserts the fragment header of an IPv6 packet. */
    private void beginFragments(final Segments frame) {
        final int transport = layout.transport();
        copyHeaders(frame);
        final int length = frame.totalLength() - transport;
        if (length > header.segmentSize() * MAX_SEGMENTS) {
            limit = 0;
            return;
        }
        put(prefix + transport + 4, length);
        Memory.putShort(prefix + transport + 6, (short) 0);
        final long sum = (long) pseudoHeader() + Checksum.word(length)
            + Checksum.sum(prefix + transport, PacketLayout.UDP_HEADER) + reader.sum(rest);
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

    private void copyHeaders(final Segments frame) {
        copyPrefix(frame, layout.payload());
        firstId = Checksum.word(Memory.getShort(prefix + layout.network() + 4));
    }

    private void copyPrefix(final Segments frame, final int bytes) {
        frame.peek(prefix, bytes);
        reader.begin(frame, bytes);
        prefixLength = bytes;
        rest = frame.totalLength() - bytes;
    }

    /** Returns the sum of the pseudo header's addresses and protocol, without the length. */
    private int pseudoHeader() {
        final long source = prefix + layout.network() + (layout.isIpv6() ? 8 : 12);
        final int size = layout.isIpv6() ? 16 : 4;
        return Checksum.fold((long) Checksum.sum(source, size) + Checksum.sum(prefix + layout.destination(), size)
            + Checksum.word(layout.protocol()));
    }

    /**
     * Makes the next segment. The caller must read the segment's payload before the next call.
     *
     * @return false if no segment is left
     */
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

    /** Whether {@link #next} has reached the limit and omitted the rest of the frame. */
    public boolean isLimited() {
        return done == limit && rest > 0;
    }

    /** Makes a TCP segment or a separate UDP datagram. */
    private void nextSegment() {
        final int transport = layout.transport();
        final int size = header.segmentSize();
        payloadLength = Math.min(size, rest);
        rest -= payloadLength;
        final int length = prefixLength - transport + payloadLength;
        writeIpHeader(firstId + done);
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
            final long sum = pseudo + Checksum.sum(prefix + transport, prefixLength - transport)
                + reader.sum(payloadLength);
            final boolean udp = layout.protocol() == PacketLayout.UDP;
            Memory.putShort(field, udp ? Checksum.given(sum) : Checksum.complement(sum));
        }
    }

    /** Makes a fragment. The first has the UDP header in its prefix; the others do not have one. */
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
        writeIpHeader(firstId);
    }

    /** Writes length, identification and checksum to the IP header. */
    private void writeIpHeader(final int id) {
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

    /** Returns the address of the segment's headers. The {@link #HEADROOM} bytes before it are free. */
    public long prefix() {
        return prefix;
    }

    /** Returns the bytes of the segment's headers. */
    public int prefixLength() {
        return prefixLength;
    }

    /** Returns the bytes of the frame that follow the headers. */
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
