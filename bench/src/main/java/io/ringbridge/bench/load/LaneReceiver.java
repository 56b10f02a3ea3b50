package io.ringbridge.bench.load;

import io.ringbridge.control.frontend.Receiver;
import io.ringbridge.datapath.memory.Memory;
import java.util.Arrays;
import java.util.List;
import org.HdrHistogram.Histogram;

/**
 * Takes a lane's frames, and checks that they come once and in order. Owned by the generator thread that carries the lane, between
 * two trials by the rig's.
 */
final class LaneReceiver {
    private static final int BURST = 64;
    private static final long NUMBER_MASK = (1L << Wire.NUMBER_BITS) - 1;

    private final LaneSender sender;
    private final int lane;
    private final List<Receiver> receivers;
    private final long[] expected;
    private int trial;
    private Histogram latency;
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
     * Gets ready for a trial.
     *
     * @param histogram of latencies, or null
     */
    void begin(final int number, final Histogram histogram) {
        trial = number & 0xFFFF;
        latency = histogram;
        Arrays.fill(expected, 0);
        received = 0;
        receivedInTime = 0;
        misordered = 0;
    }

    /** Takes what has come on every queue, a burst of each at most; the number of frames. */
    int receive() {
        int all = 0;
        for (int i = 0; i < receivers.size(); i++) {
            final Receiver receiver = receivers.get(i);
            int count = 0;
            while (count < BURST && receiver.poll()) {
                take(receiver.address(), receiver.length());
                count++;
            }
            if (count > 0) {
                receiver.flush();
            }
            all += count;
        }
        return all;
    }

    /** Frames of other lanes come where a back-end floods, and late ones of trials that are over. */
    private void take(final long frame, final int length) {
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
        if (latency != null) {
            latency.recordValue(Math.clamp(System.nanoTime() - Memory.getLong(frame + Wire.TIME), 0, latency.getHighestTrackableValue()));
        }
    }

    /** Notes that sending is over, from this side's view. */
    void endInTime() {
        receivedInTime = received;
    }

    /** Whether everything has come that was sent. */
    boolean isComplete() {
        final long total = sender.total();
        return total >= 0 && received >= total;
    }

    /** Asks the back-end to notify of frames, or not to; true if there is one already, for which no notification will come. */
    boolean wantNotification(final boolean wanted) {
        boolean there = false;
        for (final Receiver receiver : receivers) {
            there |= receiver.wantNotification(wanted);
        }
        return there;
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
