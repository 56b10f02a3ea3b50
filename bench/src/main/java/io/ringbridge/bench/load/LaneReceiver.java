package io.ringbridge.bench.load;

import io.ringbridge.datapath.driver.Receiver;
import io.ringbridge.datapath.memory.Memory;
import org.jspecify.annotations.Nullable;

import java.util.Arrays;
import java.util.List;

/**
 * Receives a lane's frames, and checks that each arrives once and in order. During a trial, the generator thread of the
 * lane owns this object. Between trials, the rig's thread does.
 */
final class LaneReceiver {
    private static final int BURST = 64;
    private static final long NUMBER_MASK = (1L << Wire.NUMBER_BITS) - 1;

    private final LaneSender sender;
    private final int lane;
    private final List<Receiver> receivers;
    private final long[] expected;
    private int trial;
    private @Nullable Latencies latencies;
    private long received;
    private long receivedInTime;
    private long misordered;

    LaneReceiver(final LaneSender sender, final int lane, final List<Receiver> receivers) {
        this.sender = sender;
        this.lane = lane;
        this.receivers = receivers;
        expected = new long[sender.flows()];
    }

    /**
     * Prepares for a trial.
     *
     * @param recorder records the latencies, or null
     */
    void begin(final int number, final @Nullable Latencies recorder) {
        trial = number & 0xFFFF;
        latencies = recorder;
        Arrays.fill(expected, 0);
        received = 0;
        receivedInTime = 0;
        misordered = 0;
    }

    /**
     * Receives at most one burst from every queue.
     *
     * @return the number of frames
     */
    int receive() {
        int all = 0;
        for (int i = 0; i < receivers.size(); i++) {
            final Receiver receiver = receivers.get(i);
            int count = 0;
            while (count < BURST && receiver.poll()) {
                check(receiver.address(), receiver.length());
                count++;
            }
            if (count > 0) {
                receiver.flush();
            }
            all += count;
        }
        return all;
    }

    /** Counts a frame. Ignores frames of other lanes, which a back-end may flood, and late frames of earlier trials. */
    private void check(final long frame, final int length) {
        final int flow = Wire.flow(frame, length, lane);
        if (flow < 0 || flow >= expected.length) {
            return;
        }
        final long stamp = Memory.getLong(frame + Wire.STAMP);
        if ((int) (stamp >>> Wire.NUMBER_BITS) != trial) {
            return;
        }
        final long number = stamp & NUMBER_MASK;
        if (number < expected[flow]) {
            misordered++;
        } else {
            expected[flow] = number + 1;
        }
        received++;
        if (latencies != null) {
            latencies.record(System.nanoTime(), Memory.getLong(frame + Wire.TIME));
        }
    }

    /** Records the number of frames received by the end of sending. */
    void endInTime() {
        receivedInTime = received;
    }

    /** Whether every frame of the trial has been received. */
    boolean isComplete() {
        final long total = sender.total();
        return total >= 0 && received >= total;
    }

    /**
     * Enables or disables notifications from the back-end.
     *
     * @return whether a frame is already there, for which the back-end will not notify
     */
    boolean wantNotification(final boolean wanted) {
        boolean there = false;
        for (final Receiver receiver : receivers) {
            there |= receiver.wantNotification(wanted);
        }
        return there;
    }

    /** Returns the latencies of the trial, or null if they are not recorded. */
    @Nullable Latencies latencies() {
        return latencies;
    }

    List<Receiver> receivers() {
        return receivers;
    }

    long received() {
        return received;
    }

    long receivedInTime() {
        return receivedInTime;
    }

    long misordered() {
        return misordered;
    }
}
