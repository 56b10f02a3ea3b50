package io.ringbridge.testkit;

import io.ringbridge.datapath.driver.QueuePair;

import java.nio.ByteBuffer;
import java.util.SplittableRandom;

/** Ethernet frames for tests. Stations are numbered: 1 is 52:54:00:00:00:01. */
public final class Frames {
    public static final int MULTICAST = -1;
    /** The EtherType for local experiments. */
    static final int ETHERTYPE = 0x88B5;
    private static final SplittableRandom RANDOM = new SplittableRandom(1);

    private Frames() {
    }

    public static byte[] ethernet(final int destination, final int source, final int length) {
        final ByteBuffer frame = ByteBuffer.allocate(length);
        RANDOM.nextBytes(frame.array());
        address(frame, destination);
        address(frame, source);
        frame.putShort((short) ETHERTYPE);
        return frame.array();
    }

    public static byte[] broadcast(final int source, final int length) {
        final byte[] frame = ethernet(0, source, length);
        java.util.Arrays.fill(frame, 0, 6, (byte) 0xFF);
        return frame;
    }

    private static void address(final ByteBuffer frame, final int station) {
        if (station == MULTICAST) {
            frame.put(new byte[] {1, 0, 0x5E, 0, 0, 1});
        } else {
            frame.putShort((short) 0x5254).putInt(station);
        }
    }

    /** Sends a frame, once the driver has a free buffer. */
    public static void send(final QueuePair queues, final byte[] frame) {
        Await.until(() -> queues.transmitter().transmit(frame));
    }

    /** Waits for the next frame, and takes it. */
    public static byte[] next(final QueuePair queues) {
        Await.until(() -> queues.receiver().poll());
        final byte[] frame = queues.receiver().frame();
        queues.receiver().flush();
        return frame;
    }
}
