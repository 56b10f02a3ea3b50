package io.ringbridge.bench.learning;

import io.ringbridge.bench.backend.Guest;
import io.ringbridge.datapath.driver.Receiver;
import io.ringbridge.datapath.driver.Transmitter;
import io.ringbridge.datapath.memory.Memory;

/**
 * A guest that sends and receives this test's frames: 64 bytes, with the EtherType for local experiments and the number
 * of the trial.
 */
final class Station implements AutoCloseable {
    static final int LENGTH = 64;
    static final long BROADCAST = 0xFFFF_FFFF_FFFFL;

    private static final int TYPE_OFFSET = 12;
    private static final int TRIAL_OFFSET = 16;
    /** 0x88b5 in wire order (IEEE 802, local experimental EtherType 1). */
    private static final short TYPE = (short) 0xB588;

    private final Guest guest;
    private final Transmitter transmitter;
    private final Receiver receiver;

    Station(final Guest guest) {
        this.guest = guest;
        transmitter = guest.transmitters().getFirst();
        receiver = guest.receivers().getFirst();
    }

    /**
     * Writes a frame. {@link #flush} makes it available to the back-end.
     *
     * @return false if the back-end owns all the buffers
     */
    boolean write(final long from, final long to, final int trial) {
        final long frame = transmitter.reserve();
        if (frame == 0) {
            return false;
        }
        Memory.putLong(frame, to | from << 48);
        Memory.putInt(frame + Long.BYTES, (int) (from >>> 16));
        Memory.putShort(frame + TYPE_OFFSET, TYPE);
        Memory.putInt(frame + TRIAL_OFFSET, trial);
        transmitter.commit(LENGTH);
        return true;
    }

    boolean hasHugePages() {
        return guest.hasHugePages();
    }

    void flush() {
        transmitter.flush();
    }

    /** Whether the back-end has used all the buffers that were sent. */
    boolean isTaken() {
        transmitter.complete();
        return transmitter.pending() == 0;
    }

    /**
     * Receives all frames that have arrived.
     *
     * @return the number that belong to this trial
     */
    int receive(final int trial) {
        return receive(trial, trial)[0];
    }

    /**
     * Receives all frames that have arrived.
     *
     * @return the number that belong to each of the two trials
     */
    int[] receive(final int first, final int second) {
        final int[] counts = new int[2];
        boolean any = false;
        while (receiver.poll()) {
            any = true;
            final long frame = receiver.address();
            if (receiver.length() >= LENGTH && Memory.getShort(frame + TYPE_OFFSET) == TYPE) {
                final int trial = Memory.getInt(frame + TRIAL_OFFSET);
                counts[0] += trial == first ? 1 : 0;
                counts[1] += trial == second ? 1 : 0;
            }
        }
        if (any) {
            receiver.flush();
        }
        return counts;
    }

    @Override
    public void close() {
        guest.close();
    }
}
