package io.ringbridge.testkit;

import io.ringbridge.datapath.driver.Transmitter;
import io.ringbridge.datapath.memory.Memory;

/** Sends frames of one station to another that carry a number, and reads the numbers of such frames. */
public final class NumberedFrames {
    private static final int LENGTH = 64;
    private static final int ETHERTYPE = 12;
    private static final int NUMBER = 14;

    private final Transmitter transmitter;
    private final byte[] frame;

    /** Creates frames from station 1 to station 2. */
    public NumberedFrames(final Transmitter transmitter) {
        this(transmitter, 2, 1);
    }

    public NumberedFrames(final Transmitter transmitter, final int destination, final int source) {
        this.transmitter = transmitter;
        frame = Frames.ethernet(destination, source, LENGTH);
    }

    /** Sends a frame, and kicks the device if it wants a kick. Returns false if the ring is full. */
    public boolean send(final long number) {
        transmitter.complete();
        final long at = transmitter.reserve();
        if (at == 0) {
            return false;
        }
        Memory.copy(frame, 0, at, LENGTH);
        Memory.putLong(at + NUMBER, number);
        transmitter.commit(LENGTH);
        transmitter.flush();
        return true;
    }

    /** Whether the frame at this address is of a station of the tests, and not of the kernel. */
    public static boolean isNumbered(final long frame) {
        return Memory.getShort(frame + ETHERTYPE) == Short.reverseBytes((short) Frames.ETHERTYPE);
    }

    /** Returns the number of the frame at this address. */
    public static long number(final long frame) {
        return Memory.getLong(frame + NUMBER);
    }

    /** Returns the station that sent the frame at this address. */
    public static int source(final long frame) {
        return Integer.reverseBytes(Memory.getInt(frame + 8));
    }
}
