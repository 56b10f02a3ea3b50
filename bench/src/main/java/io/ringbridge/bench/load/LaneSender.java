package io.ringbridge.bench.load;

import io.ringbridge.datapath.driver.Transmitter;

import java.util.Arrays;
import java.util.List;

/**
 * Sends a lane's frames when they are due. During a trial, the generator thread of the lane owns this object. Between
 * trials, the rig's thread does. Any thread may call {@link #total}.
 *
 * <p>The schedule starts with the trial. If the back-end owns all the buffers, a frame cannot be sent when it is due.
 * It is sent later, and still carries the time at which it was due.
 */
final class LaneSender {
    private static final int BURST = 32;
    private static final long NOT_YET = -1;
    /** Enough flows to spread over several queues. With one queue there is a single flow. */
    private static final int FLOWS_PER_QUEUE = 16;

    private final int lane;
    private final long from;
    private final long to;
    private final int stations;
    private final int firstFrom;
    private final int firstTo;
    private final List<Transmitter> transmitters;
    private final int flowsPerQueue;
    private final long[] next;
    private final int[] turn;
    private long[][] headers = new long[0][];
    private int[] lengths = new int[0];
    private int atLength;
    private int atQueue;
    private int atStation;
    private long trial;
    private long first;
    private double interval;
    private long sent;
    private long due;
    private volatile long total;

    /**
     * Creates the sender of a lane.
     *
     * @param toLane the lane that starts at the destination port
     * @param stations the number of stations behind each port; sources and destinations rotate through them
     */
    LaneSender(final int lane, final int toLane, final int stations, final List<Transmitter> transmitters) {
        this.lane = lane;
        this.stations = stations;
        firstFrom = lane * stations;
        firstTo = toLane * stations;
        from = Wire.mac(firstFrom);
        to = Wire.mac(firstTo);
        this.transmitters = transmitters;
        flowsPerQueue = transmitters.size() == 1 ? 1 : FLOWS_PER_QUEUE;
        next = new long[flows()];
        turn = new int[transmitters.size()];
    }

    int flows() {
        return transmitters.size() * flowsPerQueue;
    }

    /**
     * Prepares for a trial.
     *
     * @param number the number of the trial, which every frame carries
     * @param start the time when the first frame is due
     * @param nanosPerFrame the interval between frames; 0 to send as fast as the back-end accepts frames
     */
    void begin(final int number, final FrameMix mix, final long start, final double nanosPerFrame) {
        trial = (long) number << Wire.NUMBER_BITS;
        lengths = mix.cycle();
        headers = new long[lengths.length][];
        for (int i = 0; i < lengths.length; i++) {
            headers[i] = Wire.header(lane, from, to, lengths[i]);
        }
        atLength = 0;
        Arrays.fill(next, 0);
        first = start;
        due = start;
        interval = nanosPerFrame;
        sent = 0;
        total = NOT_YET;
    }

    /** Broadcasts one frame, from which the back-end learns this lane's first station. */
    void hello() {
        final Transmitter transmitter = transmitters.getFirst();
        final long frame = transmitter.reserve();
        if (frame != 0) {
            Wire.write(frame, Wire.header(lane, from, Wire.BROADCAST, FrameMix.SHORTEST), 0, trial, 0);
            transmitter.commit(FrameMix.SHORTEST);
            transmitter.flush();
        }
    }

    /**
     * Sends the frames that are due on the next queue, at most one burst.
     *
     * @return the number of frames
     */
    int send(final long now) {
        final int queue = atQueue;
        atQueue = queue + 1 == transmitters.size() ? 0 : queue + 1;
        final Transmitter transmitter = transmitters.get(queue);
        int count = 0;
        while (count < BURST && isDue(now)) {
            final long frame = transmitter.reserve();
            if (frame == 0) {
                break;
            }
            write(frame, queue, interval == 0 ? now : due);
            transmitter.commit(lengths[atLength]);
            atLength = atLength + 1 == lengths.length ? 0 : atLength + 1;
            sent++;
            due = first + (long) (sent * interval);
            count++;
        }
        if (count > 0) {
            transmitter.flush();
        }
        return count;
    }

    /** Whether the next frame is due at that time. */
    boolean isDue(final long now) {
        return due - now <= 0;
    }

    private void write(final long frame, final int queue, final long time) {
        final int flow = queue * flowsPerQueue + turn[queue];
        turn[queue] = turn[queue] + 1 == flowsPerQueue ? 0 : turn[queue] + 1;
        Wire.write(frame, headers[atLength], flow, trial | next[flow], time);
        next[flow]++;
        if (stations > 1) {
            Wire.stations(frame, firstFrom + atStation, firstTo + atStation);
            atStation = atStation + 1 == stations ? 0 : atStation + 1;
        }
    }

    /** Ends sending for this trial, which makes {@link #total} known. */
    void end() {
        total = sent;
    }

    /** Returns the number of frames in the trial, or -1 until {@link #end}. */
    long total() {
        return total;
    }
}
