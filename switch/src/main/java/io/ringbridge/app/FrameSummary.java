package io.ringbridge.app;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;

/** Describes a frame from its first bytes: the VLAN, the addresses and the protocol. */
final class FrameSummary {
    private static final int ADDRESSES = 12;
    private static final int TAG = 0x8100;
    private static final int VLAN = 0xFFF;
    private static final int IPV4 = 0x0800;
    private static final int IPV6 = 0x86DD;
    private static final int IPV4_HEADER = 20;
    private static final int IPV6_HEADER = 40;
    private static final int TCP = 6;
    private static final int UDP = 17;
    private static final Map<Integer, String> TYPES = Map.of(0x0806, "ARP", 0x8035, "RARP", 0x88CC, "LLDP",
        0x8809, "LACP", 0x888E, "802.1X");
    private static final Map<Integer, String> PROTOCOLS =
        Map.of(1, "ICMP", 2, "IGMP", TCP, "TCP", UDP, "UDP", 47, "GRE", 50, "ESP", 58, "ICMPv6", 132, "SCTP");

    private FrameSummary() {
    }

    /** Returns the description, such as {@code vlan 10 10.0.0.1:4711 > 10.0.0.2:80 TCP}. */
    static String of(final byte[] header) {
        if (header.length < ADDRESSES + Short.BYTES) {
            return "no Ethernet header";
        }
        final ByteBuffer in = ByteBuffer.wrap(header).position(ADDRESSES);
        int type = in.getShort() & 0xFFFF;
        String vlan = "";
        if (type == TAG && in.remaining() >= 2 * Short.BYTES) {
            vlan = "vlan " + (in.getShort() & VLAN) + " ";
            type = in.getShort() & 0xFFFF;
        }
        final ByteBuffer payload = in.slice();
        return vlan + switch (type) {
            case IPV4 -> payload.remaining() < IPV4_HEADER ? stations(header, "truncated IPv4") : ipv4(payload);
            case IPV6 -> payload.remaining() < IPV6_HEADER ? stations(header, "truncated IPv6")
                : hosts(payload, 8, 16, payload.get(6) & 0xFF, IPV6_HEADER);
            default -> stations(header, TYPES.getOrDefault(type, String.format("0x%04x", type)));
        };
    }

    private static String stations(final byte[] header, final String type) {
        final HexFormat colons = HexFormat.ofDelimiter(":");
        return colons.formatHex(header, 6, ADDRESSES) + " > " + colons.formatHex(header, 0, 6) + " " + type;
    }

    private static String ipv4(final ByteBuffer packet) {
        final boolean isFirst = (packet.getShort(6) & 0x1FFF) == 0; // later fragments have no ports
        return hosts(packet, 12, 4, packet.get(9) & 0xFF, isFirst ? (packet.get(0) & 0xF) * 4 : packet.limit());
    }

    /**
     * Describes a packet.
     *
     * @param addresses the offset of the addresses
     * @param size the bytes of an address
     * @param transport the offset of the header with the ports
     */
    private static String hosts(final ByteBuffer packet, final int addresses, final int size, final int protocol,
                                final int transport) {
        final boolean hasPorts = (protocol == TCP || protocol == UDP) && transport + 4 <= packet.limit();
        return host(packet, addresses, size) + port(packet, transport, hasPorts) + " > "
            + host(packet, addresses + size, size) + port(packet, transport + 2, hasPorts) + " "
            + PROTOCOLS.getOrDefault(protocol, "protocol " + protocol);
    }

    private static String port(final ByteBuffer packet, final int at, final boolean has) {
        return has ? ":" + (packet.getShort(at) & 0xFFFF) : "";
    }

    private static String host(final ByteBuffer packet, final int at, final int size) {
        final byte[] address = new byte[size];
        packet.get(at, address);
        try {
            return InetAddress.getByAddress(address).getHostAddress();
        } catch (final UnknownHostException e) {
            throw new AssertionError("an address has 4 or 16 bytes: " + Arrays.toString(address), e);
        }
    }
}
