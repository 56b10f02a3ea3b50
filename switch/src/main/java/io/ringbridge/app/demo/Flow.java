package io.ringbridge.app.demo;

import io.ringbridge.datapath.driver.Receiver;
import io.ringbridge.datapath.driver.Transmitter;
import io.ringbridge.datapath.memory.Memory;

import java.util.concurrent.atomic.AtomicLong;

/**
 * Numbered frames of one length from one guest to another. The receiver detects lost, duplicate and reordered frames.
 *
 * <p>The sending half and the receiving half may run on one thread or on two.
 */
final class Flow {
    /** Fewer frames in flight than the receiver has buffers: nothing is dropped; the send rate is the throughput. */
    static final int WINDOW = Demo.QUEUES.size() / 2;

    private static final int BURST = 32;
    private static final int TYPE_OFFSET = 12;
    private static final int NUMBER_OFFSET = 16;
    private static final int TIME_OFFSET = 24;
    /** 0x88b5 in network byte order: local experimental Ethertype 1 (IEEE 802). */
    private static final short ETHER_TYPE = (short) 0xB588;
    private static final long ADDRESS_BITS = 0xFFFF_FFFF_FFFFL;

    private final Transmitter transmitter;
    private final Receiver receiver;
    private final int length;
    private final long firstWord;
    private final int secondWord;
    private final AtomicLong received = new AtomicLong();
    private long sent;

    /** Takes addresses with the first byte on the wire in the lowest bits. */
    Flow(final Transmitter transmitter, final Receiver receiver, final int length, final long from, final long to) {
        this.transmitter = transmitter;
        this.receiver = receiver;
        this.length = length;
        firstWord = (to & ADDRESS_BITS) | from << 48;
        secondWord = (int) ((from & ADDRESS_BITS) >>> 16);
    }

    long sent() {
        return sent;
    }

    long received() {
        return received.getAcquire();
    }

    /** Sends up to one burst into the window. Returns false if the window was full. */
    boolean send() {
        final int room = (int) Math.min(BURST, WINDOW - (sent - received.getAcquire()));
        int count = 0;
        while (count < room && write(0)) {
            count++;
        }
        if (count > 0) {
            transmitter.flush();
        }
        return count > 0;
    }

    /** Sends one frame that contains a time. Returns false if the device owns all buffers. */
    boolean sendOne(final long time) {
        if (!write(time)) {
            return false;
        }
        transmitter.flush();
        return true;
    }

    private boolean write(final long time) {
        final long frame = transmitter.reserve();
        if (frame == 0) {
            return false;
        }
        Memory.putLong(frame, firstWord);
        Memory.putInt(frame + 8, secondWord);
        Memory.putShort(frame + TYPE_OFFSET, ETHER_TYPE);
        Memory.putLong(frame + NUMBER_OFFSET, sent);
        Memory.putLong(frame + TIME_OFFSET, time);
        transmitter.commit(length);
        sent++;
        return true;
    }

    /** Receives up to one burst. Returns false if there was no frame. */
    boolean receive() {
        int count = 0;
        while (count < BURST && receiver.poll()) {
            check(received.getPlain() + count);
            count++;
        }
        if (count > 0) {
            receiver.flush();
            received.setRelease(received.getPlain() + count);
        }
        return count > 0;
    }

    /** Receives one frame. Returns the time in it, or -1 if there was no frame. */
    long receiveOne() {
        if (!receiver.poll()) {
            return -1;
        }
        check(received.getPlain());
        final long time = Memory.getLong(receiver.address() + TIME_OFFSET);
        receiver.flush();
        received.setRelease(received.getPlain() + 1);
        return time;
    }

    private void check(final long expected) {
        final long number = Memory.getLong(receiver.address() + NUMBER_OFFSET);
        if (number != expected || receiver.length() != length) {
            throw new IllegalStateException("expected frame " + expected + " of " + length + " bytes, received frame "
                + number + " of " + receiver.length() + " bytes");
        }
    }
}
