package io.ringbridge.datapath;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

import static org.junit.jupiter.api.Assertions.assertEquals;

/**
 * A TCP or UDP packet in an Ethernet frame, parsed and cut byte by byte in the simplest way. Tests compare the results
 * of the switch with those of this class.
 */
final class Packet {
    static final int TCP = 6;
    static final int UDP = 17;
    static final int FIN_PSH = 0x09;
    static final int CWR = 0x80;

    final byte[] frame;
    final boolean ipv6;
    final int network;
    final int transport;
    final int protocol;
    final int payload;
    private final int nextHeader;
    private final int fragmentHeader;
    private final byte[] destination;

    /** Parses a well-formed frame. */
    Packet(final byte[] frame) {
        this.frame = frame;
        int at = 12;
        while (number(at) == 0x8100 || number(at) == 0x88A8) {
            at += 4;
        }
        network = at + 2;
        ipv6 = number(at) == 0x86DD;
        int next = network + 6;
        int fragmentAt = -1;
        if (ipv6) {
            byte[] to = Arrays.copyOfRange(frame, network + 24, network + 40);
            int header = network + 40;
            while (frame[next] != TCP && frame[next] != UDP) {
                if (frame[next] == 43 && frame[header + 3] > 0) {
                    final int last = frame[header + 2] == 4 ? header + 8 : header + 8 * (1 + frame[header + 1]) - 16;
                    to = Arrays.copyOfRange(frame, last, last + 16);
                }
                fragmentAt = frame[next] == 44 ? header : fragmentAt;
                next = header;
                header += 8 * (1 + frame[header + 1]);
            }
            destination = to;
            transport = header;
            protocol = frame[next];
        } else {
            destination = Arrays.copyOfRange(frame, network + 16, network + 20);
            transport = network + 4 * (frame[network] & 15);
            protocol = frame[network + 9];
        }
        nextHeader = next;
        fragmentHeader = fragmentAt;
        payload = transport + (protocol == UDP ? 8 : 4 * (frame[transport + 12] >> 4 & 15));
    }

    int number(final int at) {
        return (frame[at] & 0xFF) << 8 | frame[at + 1] & 0xFF;
    }

    private int word(final int at) {
        return number(at) << 16 | number(at + 2);
    }

    private Packet put(final int at, final int number) {
        frame[at] = (byte) (number >> 8);
        frame[at + 1] = (byte) number;
        return this;
    }

    private Packet putWord(final int at, final int number) {
        return put(at, number >>> 16).put(at + 2, number);
    }

    int checksumAt() {
        return transport + (protocol == UDP ? 6 : 16);
    }

    int identification() {
        return word(fragmentHeader + 4);
    }

    private static int sum(final byte[] bytes, final int from, final int to) {
        int sum = 0;
        for (int i = from; i < to; i++) {
            sum += (i - from) % 2 == 0 ? (bytes[i] & 0xFF) << 8 : bytes[i] & 0xFF;
            sum = (sum & 0xFFFF) + (sum >> 16);
        }
        return sum;
    }

    private int pseudoHeader() {
        final int source = network + (ipv6 ? 8 : 12);
        final int sum = sum(frame, source, source + destination.length) + sum(destination, 0, destination.length)
            + protocol
            + frame.length - transport;
        return (sum & 0xFFFF) + (sum >> 16);
    }

    /** Returns the packet with the sum of the pseudo header as its checksum, as a driver sends it for completion. */
    Packet partial() {
        return copy().put(checksumAt(), pseudoHeader());
    }

    /** Returns the packet with correct checksums. */
    Packet complete() {
        final Packet copy = copy().put(checksumAt(), 0);
        int sum = copy.pseudoHeader() + sum(copy.frame, transport, frame.length);
        sum = ~((sum & 0xFFFF) + (sum >> 16)) & 0xFFFF;
        copy.put(checksumAt(), sum == 0 && protocol == UDP ? 0xFFFF : sum);
        return copy;
    }

    private Packet copy() {
        return new Packet(frame.clone());
    }

    /** Corrects the lengths, and for IPv4 the checksum of the header. */
    Packet internet() {
        if (ipv6) {
            return put(network + 4, frame.length - network - 40);
        }
        put(network + 2, frame.length - network).put(network + 10, 0);
        return put(network + 10, ~sum(frame, network, network + 4 * (frame[network] & 15)));
    }

    private Packet with(final int headers, final int from, final int length) {
        final byte[] bytes = Arrays.copyOf(frame, headers + length);
        System.arraycopy(frame, from, bytes, headers, length);
        return new Packet(bytes);
    }

    /** Returns TCP segments of a number of bytes each, with partial or complete checksums. */
    List<byte[]> segments(final int size, final boolean partial) {
        final List<byte[]> segments = new ArrayList<>();
        for (int at = payload; at < frame.length || at == payload; at += size) {
            final int length = Math.min(size, frame.length - at);
            final Packet segment = with(payload, at, length);
            segment.putWord(transport + 4, word(transport + 4) + at - payload);
            if (at > payload) {
                segment.frame[transport + 13] &= (byte) ~CWR;
            }
            if (at + length < frame.length) {
                segment.frame[transport + 13] &= (byte) ~FIN_PSH;
            }
            if (!ipv6) {
                segment.put(network + 4, number(network + 4) + segments.size());
            }
            segment.internet();
            segments.add((partial ? segment.partial() : segment.complete()).frame);
        }
        return segments;
    }

    /** Returns UDP datagrams of a number of bytes each, with partial or complete checksums. */
    List<byte[]> datagrams(final int size, final boolean partial) {
        final List<byte[]> datagrams = new ArrayList<>();
        for (int at = payload; at < frame.length; at += size) {
            final int length = Math.min(size, frame.length - at);
            final Packet datagram = with(payload, at, length).put(transport + 4, 8 + length);
            if (!ipv6) {
                datagram.put(network + 4, number(network + 4) + datagrams.size());
            }
            datagram.internet();
            datagrams.add((partial ? datagram.partial() : datagram.complete()).frame);
        }
        return datagrams;
    }

    /**
     * Returns UDP fragments of a number of bytes each.
     *
     * @param identification the identification of the first fragment of IPv6
     */
    List<byte[]> fragments(final int size, final int identification) {
        final int unit = size / 8 * 8;
        final Packet whole = copy().put(transport + 4, frame.length - transport).complete();
        if (frame.length - transport <= unit) {
            return List.of(whole.internet().frame);
        }
        final List<byte[]> fragments = new ArrayList<>();
        final int extra = ipv6 ? 8 : 0;
        for (int at = 0; transport + at < frame.length; at += unit) {
            final int length = Math.min(unit, frame.length - transport - at);
            final boolean last = transport + at + length == frame.length;
            final byte[] bytes = Arrays.copyOf(whole.frame, transport + extra + length);
            System.arraycopy(whole.frame, transport + at, bytes, transport + extra, length);
            if (ipv6) {
                bytes[nextHeader] = 44;
                Arrays.fill(bytes, transport, transport + 8, (byte) 0);
                bytes[transport] = UDP;
                putShort(bytes, transport + 2, at + (last ? 0 : 1));
                putShort(bytes, transport + 4, identification >>> 16);
                putShort(bytes, transport + 6, identification);
                putShort(bytes, network + 4, bytes.length - network - 40);
            } else {
                putShort(bytes, network + 2, bytes.length - network);
                putShort(bytes, network + 6, at / 8 + (last ? 0 : 0x2000));
                putShort(bytes, network + 10, 0);
                putShort(bytes, network + 10, ~sum(bytes, network, transport));
            }
            fragments.add(bytes);
        }
        return fragments;
    }

    private static void putShort(final byte[] bytes, final int at, final int number) {
        bytes[at] = (byte) (number >> 8);
        bytes[at + 1] = (byte) number;
    }

    /** Asserts that both checksums are correct. */
    void assertChecksums() {
        final int sum = pseudoHeader() + sum(frame, transport, frame.length);
        assertEquals(0xFFFF, (sum & 0xFFFF) + (sum >> 16), "checksum of TCP or UDP");
        if (!ipv6) {
            assertEquals(0xFFFF, sum(frame, network, transport), "checksum of IPv4");
        }
    }

    /** Returns the packet with one more tag, before all others. */
    Packet tagged(final int control) {
        return new Packet(Tags.insert(frame, control));
    }

    /** Returns the packet without its first tag. */
    Packet untagged() {
        return new Packet(Tags.remove(frame));
    }

    /** Returns a packet with random headers: VLAN tags, options, extension headers, flags. Its checksum is partial. */
    static Packet random(final SplittableRandom random, final boolean ipv6, final int protocol, final byte[] addresses,
                         final int data) {
        final byte[] bytes = new byte[512 + data];
        random.nextBytes(bytes);
        System.arraycopy(addresses, 0, bytes, 0, 12);
        int at = 12;
        for (int tags = random.nextInt(3); tags > 0; tags--) {
            putShort(bytes, at, tags == 2 ? 0x88A8 : 0x8100);
            at += 4;
        }
        putShort(bytes, at, ipv6 ? 0x86DD : 0x0800);
        at += 2;
        final int network = at;
        if (ipv6) {
            bytes[at] = (byte) 0x60;
            int next = at + 6;
            at += 40;
            for (int extensions = random.nextInt(4); extensions > 0; extensions--) {
                bytes[next] = new byte[] {0, 43, 60}[random.nextInt(3)];
                bytes[at + 1] = (byte) (2 + random.nextInt(3));
                bytes[at + 2] = (byte) (random.nextBoolean() ? 4 : 2);
                bytes[at + 3] = (byte) random.nextInt(3);
                next = at;
                at += 8 * (1 + bytes[at + 1]);
            }
            bytes[next] = (byte) protocol;
        } else {
            final int words = 5 + random.nextInt(11);
            bytes[at] = (byte) (0x40 | words);
            putShort(bytes, at + 6, 0x4000);
            bytes[at + 9] = (byte) protocol;
            at += 4 * words;
        }
        final int transport = at;
        if (protocol == TCP) {
            final int words = 5 + random.nextInt(11);
            bytes[at + 12] = (byte) (words << 4);
            bytes[at + 13] &= (byte) ~CWR;
            at += 4 * words;
        } else {
            at += 8;
            putShort(bytes, transport + 4, 8 + data);
        }
        final Packet packet = new Packet(Arrays.copyOf(bytes, at + data));
        assertEquals(network, packet.network);
        assertEquals(transport, packet.transport);
        return packet.internet().partial();
    }
}
