package io.ringbridge.control.uplink;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.FrameDevice;
import io.ringbridge.datapath.os.PacketSocket;
import io.ringbridge.datapath.os.Scratch;
import io.ringbridge.datapath.port.DropReason;

import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.ObjLongConsumer;
import java.util.zip.CRC32C;

/**
 * The frames of a network interface. A received frame is complete, or its virtio-net header requests the offloads that
 * the sender left to the interface. Its VLAN tag, which the kernel removes, is inserted again.
 *
 * <p>Sent frames are complete, as on a wire. A capture at the other end of a veth pair sees whole packets.
 *
 * <p>The worker that owns the device reads, writes and counts losses. The thread that drives the port collects the
 * losses.
 */
final class InterfaceDevice implements FrameDevice, AutoCloseable {
    private static final int ADDRESSES = 12;
    private static final int TAG = 4;
    /** The size of {@code struct msghdr}, followed by the offsets of the fields used. */
    private static final int MSGHDR = 56;
    private static final int MSG_IOVECS = 16;
    private static final int MSG_IOVEC_COUNT = 24;
    private static final int MSG_CONTROL = 32;
    private static final int MSG_CONTROL_LENGTH = 40;
    private static final int IOVEC = 16;
    private static final int IOVECS = 3;
    private static final int STRUCTURES = 160;
    private static final int VLAN_VALID = 1 << 4;
    private static final int TPID_VALID = 1 << 6;
    private static final int DEFAULT_TPID = 0x8100;
    private static final int NEEDS_CSUM = 1;
    private static final int CSUM_START = 6;
    private static final int CSUM_OFFSET = 8;
    /** The offset of SCTP's CRC. No other protocol has its checksum at this offset. */
    private static final int SCTP_OFFSET = 8;
    /** The most frames skipped per read, so that the worker's other queues do not wait. */
    private static final int MAX_SKIPPED = 16;

    private final PacketSocket socket;
    private final Scratch memory = Scratch.of(STRUCTURES + PcapDevice.MAX_FRAME);
    private final long message = memory.address();
    private final long iovecs = message + MSGHDR;
    private final long control = iovecs + IOVECS * IOVEC;
    private final long scratch = message + STRUCTURES;
    private final byte[] packet = new byte[PcapDevice.MAX_FRAME];
    private final CRC32C crc = new CRC32C();
    private final Map<DropReason, AtomicLong> lost = new EnumMap<>(Map.of(DropReason.TRUNCATED, new AtomicLong(),
        DropReason.OVERSIZE_FRAME, new AtomicLong(), DropReason.UNFINISHED, new AtomicLong()));

    InterfaceDevice(final PacketSocket socket) {
        this.socket = socket;
        Memory.putLong(message + MSG_IOVECS, iovecs);
        Memory.putLong(message + MSG_IOVEC_COUNT, IOVECS);
        Memory.putLong(message + MSG_CONTROL, control);
    }

    /** The interface accepts no offloads, although received frames may request some. */
    @Override
    public boolean offloads() {
        return false;
    }

    @Override
    public long read(final long address, final int length) {
        iovec(0, address, PacketSocket.HEADER);
        iovec(1, address + HEADER, ADDRESSES);
        iovec(2, address + HEADER + ADDRESSES, Math.min(length - HEADER, PcapDevice.MAX_FRAME) - ADDRESSES - TAG);
        for (int i = 0; i < MAX_SKIPPED; i++) {
            Memory.putLong(message + MSG_CONTROL_LENGTH, PacketSocket.CONTROL);
            final long received = socket.receive(message);
            if (received == INVALID) {
                lost(DropReason.UNFINISHED); // the header cannot describe segments of this kind
            } else if (received < 0) {
                return AGAIN; // the thread that drives the port notices if the interface is down or gone
            } else if (isWhole()) {
                Memory.putShort(address + PacketSocket.HEADER, (short) 0);
                return HEADER + (long) finish(address, (int) received - PacketSocket.HEADER);
            }
        }
        return AGAIN;
    }

    private void iovec(final int index, final long address, final int length) {
        Memory.putLong(iovecs + (long) index * IOVEC, address);
        Memory.putLong(iovecs + (long) index * IOVEC + 8, length);
    }

    private boolean isWhole() {
        final int length = Memory.getInt(control + PacketSocket.AUXDATA + 4);
        final int captured = Memory.getInt(control + PacketSocket.AUXDATA + 8);
        if (length > PcapDevice.MAX_FRAME - TAG) {
            lost(DropReason.OVERSIZE_FRAME);
        } else if (captured < length) {
            lost(DropReason.TRUNCATED);
        } else {
            return true;
        }
        return false;
    }

    /**
     * Inserts the VLAN tag again, and computes an SCTP checksum, since a virtio-net header cannot request one.
     *
     * @return the frame's length
     */
    private int finish(final long header, final int received) {
        int length = received;
        final long frame = header + HEADER;
        final boolean partial = (Memory.getByte(header) & NEEDS_CSUM) != 0;
        final int status = Memory.getInt(control + PacketSocket.AUXDATA);
        if ((status & VLAN_VALID) != 0 && length >= ADDRESSES) {
            final long rest = frame + ADDRESSES;
            Memory.copy(rest, scratch, length - ADDRESSES);
            Memory.copy(scratch, rest + TAG, length - ADDRESSES);
            final boolean typed = (status & TPID_VALID) != 0;
            final int type = typed ? Memory.getShort(control + PacketSocket.AUXDATA + 18) : DEFAULT_TPID;
            Memory.putShort(rest, Short.reverseBytes((short) type));
            Memory.putShort(rest + 2, Short.reverseBytes(Memory.getShort(control + PacketSocket.AUXDATA + 16)));
            length += TAG;
            if (partial) {
                Memory.putShort(header + CSUM_START, (short) (Memory.getShort(header + CSUM_START) + TAG));
            }
        }
        if (partial && Memory.getShort(header + CSUM_OFFSET) == SCTP_OFFSET) {
            completeSctp(header, length);
        }
        return length;
    }

    private void completeSctp(final long header, final int length) {
        final int start = Memory.getShort(header + CSUM_START) & 0xFFFF;
        if (start + SCTP_OFFSET + Integer.BYTES > length) {
            return; // checked and dropped on the way in
        }
        final long at = header + HEADER + start;
        Memory.putInt(at + SCTP_OFFSET, 0);
        Memory.copy(at, packet, 0, length - start);
        crc.reset();
        crc.update(packet, 0, length - start);
        Memory.putInt(at + SCTP_OFFSET, (int) crc.getValue());
        Memory.zero(header, HEADER);
    }

    private void lost(final DropReason reason) {
        final AtomicLong count = lost.get(reason);
        assert count != null : reason;
        count.incrementAndGet();
    }

    /** Reports the frames lost since the last call, by reason. Called by the thread that drives the port. */
    void takeLost(final ObjLongConsumer<DropReason> to) {
        to.accept(DropReason.OVERRUN, Integer.toUnsignedLong(socket.overrun()));
        lost.forEach((reason, count) -> to.accept(reason, count.getAndSet(0)));
    }

    @Override
    public long write(final long toWrite, final int count) {
        Memory.putLong(toWrite + 8, PacketSocket.HEADER);
        final long answer = socket.send(toWrite, count);
        Memory.putLong(toWrite + 8, HEADER);
        return answer;
    }

    @Override
    public void flush() {
        // The kernel has the frames already.
    }

    @Override
    public int fd() {
        return socket.fd();
    }

    /** Does nothing: the kernel always makes the descriptor readable. */
    @Override
    public boolean arm() {
        return false;
    }

    @Override
    public void disarm() {
        // Nothing was armed.
    }

    @Override
    public void close() {
        socket.close();
    }
}
