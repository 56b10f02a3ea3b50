package io.ringbridge.control.backend;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.os.Mapping;
import io.ringbridge.datapath.os.MemFd;

import java.util.zip.CRC32;

/** A guest with a split transmit ring at vring 1 and one frame to send. */
final class SendingGuest implements AutoCloseable {
    private static final int RING = 1 << 16;
    private static final int AVAIL_IDX = 0x4002;
    private static final int USED_IDX = 0x8002;

    final EventFd event = EventFd.create();
    MemFd memory = TestPeer.memory();

    /** Makes a frame available, without a kick. */
    void transmit() {
        try (Mapping guest = Mapping.map(memory.fd(), 0, TestPeer.MEMORY)) {
            Memory.putLong(guest.address() + RING, TestPeer.GUEST + 0x80000);
            Memory.putLong(guest.address() + RING + 8, 76);
        }
        available(1);
    }

    void available(final int index) {
        index(AVAIL_IDX, index);
    }

    void used(final int index) {
        index(USED_IDX, index);
    }

    private void index(final int offset, final int value) {
        try (Mapping guest = Mapping.map(memory.fd(), 0, TestPeer.MEMORY)) {
            Memory.putShort(guest.address() + RING + offset, (short) value);
        }
    }

    int used() {
        try (Mapping guest = Mapping.map(memory.fd(), 0, TestPeer.MEMORY)) {
            return Memory.getShort(guest.address() + RING + USED_IDX);
        }
    }

    long checksum() {
        final byte[] bytes = new byte[(int) TestPeer.MEMORY];
        try (Mapping guest = Mapping.map(memory.fd(), 0, TestPeer.MEMORY)) {
            Memory.copy(guest.address(), bytes, 0, bytes.length);
        }
        final CRC32 crc = new CRC32();
        crc.update(bytes);
        return crc.getValue();
    }

    @Override
    public void close() {
        memory.close();
        event.close();
    }
}
