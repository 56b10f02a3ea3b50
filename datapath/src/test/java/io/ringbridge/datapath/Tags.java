package io.ringbridge.datapath;

import java.nio.ByteBuffer;

/** VLAN tags in frames, inserted and removed byte by byte. */
final class Tags {
    static final int CUSTOMER = 0x8100;
    static final int SERVICE = 0x88A8;

    private Tags() {
    }

    static int number(final byte[] frame, final int at) {
        return (frame[at] & 0xFF) << 8 | frame[at + 1] & 0xFF;
    }

    static boolean isTagged(final byte[] frame) {
        return number(frame, 12) == CUSTOMER;
    }

    static byte[] insert(final byte[] frame, final int control) {
        return insert(frame, CUSTOMER, control);
    }

    static byte[] insert(final byte[] frame, final int type, final int control) {
        return ByteBuffer.allocate(frame.length + 4).put(frame, 0, 12).putShort((short) type).putShort((short) control)
            .put(frame, 12, frame.length - 12).array();
    }

    static byte[] remove(final byte[] frame) {
        return ByteBuffer.allocate(frame.length - 4).put(frame, 0, 12).put(frame, 16, frame.length - 16).array();
    }
}
