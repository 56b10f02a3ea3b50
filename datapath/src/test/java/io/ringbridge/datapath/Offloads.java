package io.ringbridge.datapath;

import io.ringbridge.datapath.ring.Features;

/** Features and virtio-net headers of guests that offload checksums and segmentation. */
final class Offloads {
    static final long SENDER = Features.of(Features.VERSION_1, Features.INDIRECT_DESC, Features.MRG_RXBUF,
        Features.CSUM,
        Features.HOST_TSO4, Features.HOST_TSO6, Features.HOST_ECN, Features.HOST_UFO);
    static final long TAKES_CSUM = Features.of(Features.GUEST_CSUM);
    static final long TAKES_ALL = TAKES_CSUM | Features.of(Features.GUEST_TSO4, Features.GUEST_TSO6, Features.GUEST_ECN,
        Features.GUEST_UFO);
    static final int TCPV4 = 1;
    static final int UDP = 3;
    static final int TCPV6 = 4;
    static final int ECN = 0x80;

    private Offloads() {
    }

    /** Returns a header as virtio defines it. */
    static byte[] header(final int type, final int headers, final int size, final int start, final int offset,
                         final int buffers) {
        final int[] words = {1 | type << 8, headers, size, start, offset, buffers};
        final byte[] bytes = new byte[12];
        for (int i = 0; i < words.length; i++) {
            bytes[2 * i] = (byte) words[i];
            bytes[2 * i + 1] = (byte) (words[i] >> 8);
        }
        return bytes;
    }

    static byte[] header(final Packet packet, final int type, final int size) {
        return header(type, type == 0 ? 0 : packet.payload, size, packet.transport,
            packet.checksumAt() - packet.transport, 0);
    }
}
