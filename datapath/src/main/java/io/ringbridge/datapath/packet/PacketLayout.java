package io.ringbridge.datapath.packet;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;

/**
 * The offsets of the headers of a TCP or UDP packet in its frame, after VLAN tags, IPv4 options or IPv6 extension
 * headers.
 *
 * <p>The headers are parsed in a copy that the guest cannot change. A later read of the frame may return other bytes if
 * the guest changes them. In any case, all offsets are inside the frame and in ascending order.
 */
final class PacketLayout {
    /** All headers together must fit into this many bytes. */
    static final int LOOK_AHEAD = 512;
    static final int IPV4_HEADER = 20;
    static final int IPV6_HEADER = 40;
    static final int UDP_HEADER = 8;
    static final int TCP = 6;
    static final int UDP = 17;

    private static final int TCP_HEADER = 20;
    private static final int FRAGMENT = 0x3FFF;
    private static final int HOP_BY_HOP = 0;
    private static final int ROUTING = 43;
    private static final int DESTINATION_OPTIONS = 60;
    private static final int SEGMENT_ROUTING = 4;
    private static final int EXTENSION_UNIT = 8;

    private boolean ipv6;
    private int protocol;
    private int network;
    private int transport;
    private int payload;
    private int destination;
    private int nextHeader;

    /**
     * Finds the headers of a frame.
     *
     * @param scratch {@link #LOOK_AHEAD} bytes of the caller's
     * @return false if the frame is not a whole, unfragmented TCP or UDP packet
     */
    boolean find(final Segments frame, final long scratch) {
        final int length = Math.min(LOOK_AHEAD, frame.totalLength());
        frame.peek(scratch, length);
        network = Ethernet.payload(scratch, length);
        final int type = Ethernet.type(scratch, network);
        return (type == Ethernet.IPV4 ? findIpv4(scratch, length) : type == Ethernet.IPV6 && findIpv6(scratch, length))
            && findPayload(scratch, length);
    }

    private boolean findIpv4(final long header, final int length) {
        if (length < network + IPV4_HEADER) {
            return false;
        }
        final int first = Memory.getByte(header + network) & 0xFF;
        final int size = (first & 15) * 4;
        ipv6 = false;
        protocol = Memory.getByte(header + network + 9) & 0xFF;
        destination = network + 16;
        transport = network + size;
        return first >>> 4 == 4 && size >= IPV4_HEADER
            && (Checksum.word(Memory.getShort(header + network + 6)) & FRAGMENT) == 0;
    }

    private boolean findIpv6(final long header, final int length) {
        if (length < network + IPV6_HEADER || (Memory.getByte(header + network) & 0xF0) != 0x60) {
            return false;
        }
        ipv6 = true;
        nextHeader = network + 6;
        destination = network + 24;
        transport = network + IPV6_HEADER;
        protocol = Memory.getByte(header + nextHeader) & 0xFF;
        while (protocol == HOP_BY_HOP || protocol == ROUTING || protocol == DESTINATION_OPTIONS) {
            if (length < transport + EXTENSION_UNIT) {
                return false;
            }
            final int size = EXTENSION_UNIT * (1 + (Memory.getByte(header + transport + 1) & 0xFF));
            if (length < transport + size || protocol == ROUTING && !findLastStop(header, size)) {
                return false;
            }
            nextHeader = transport;
            protocol = Memory.getByte(header + transport) & 0xFF;
            transport += size;
        }
        return true;
    }

    /**
     * Finds the last address of a route that the packet has not completed, which the checksum covers (RFC 8200, section
     * 8.1). Segment routing stores this address first.
     */
    private boolean findLastStop(final long header, final int size) {
        if (Memory.getByte(header + transport + 3) == 0) {
            return true;
        }
        final boolean reversed = Memory.getByte(header + transport + 2) == SEGMENT_ROUTING;
        destination = reversed ? transport + EXTENSION_UNIT : transport + size - 16;
        return size >= EXTENSION_UNIT + 16;
    }

    private boolean findPayload(final long header, final int length) {
        if (protocol == UDP) {
            payload = transport + UDP_HEADER;
            return length >= payload;
        }
        if (protocol != TCP || length < transport + TCP_HEADER) {
            return false;
        }
        final int size = (Memory.getByte(header + transport + 12) & 0xF0) >>> 2;
        payload = transport + size;
        return size >= TCP_HEADER && length >= payload;
    }

    boolean isIpv6() {
        return ipv6;
    }

    /** Returns {@link #TCP} or {@link #UDP}. */
    int protocol() {
        return protocol;
    }

    /** Returns the offset of the IP header. */
    int network() {
        return network;
    }

    /** Returns the offset of the TCP or UDP header. */
    int transport() {
        return transport;
    }

    /** Returns the offset of the data after the TCP or UDP header. */
    int payload() {
        return payload;
    }

    /** Returns the offset of the address of the packet's final destination. */
    int destination() {
        return destination;
    }

    /** Returns the offset of the last IPv6 header's Next Header field. */
    int nextHeader() {
        return nextHeader;
    }

    /** Moves all offsets by a number of bytes, which may be negative. */
    void shift(final int bytes) {
        network += bytes;
        transport += bytes;
        payload += bytes;
        destination += bytes;
        nextHeader += bytes;
    }

    void copyOf(final PacketLayout other) {
        ipv6 = other.ipv6;
        protocol = other.protocol;
        network = other.network;
        transport = other.transport;
        payload = other.payload;
        destination = other.destination;
        nextHeader = other.nextHeader;
    }
}
