package io.ringbridge.bench.load;

import io.ringbridge.control.frontend.Transmitter;
import java.util.Arrays;
import java.util.List;

/**
 * Sends a lane's frames at the times they are due. Owned by the generator thread that carries the lane, between two trials by the
 * rig's; {@link #total} is for any.
 *
 * <p>Times are on a schedule that starts with the trial: a frame that cannot be sent when it is due, because the back-end has all the
 * buffers, carries the time at which it was due all the same.
 */
final class LaneSender {
    private static final int BURST = 32;
    private static final long NOT_YET = -1;
    /** With one queue a single flow; else enough of them to be spread. */
    private static final int FLOWS_A_QUEUE = 16;

    private final int lane;
    private final long from;
    private final long to;
    private final int stations;
    private final int firstFrom;
    private final int firstTo;
    private final List<Transmitter> transmitters;
    private final int flowsAQueue;
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
     * Makes the sender of a lane.
     *
     * @param stations how many there are behind each port; frames go from each in turn, to each in turn
     * @param toLane the lane of the port that its frames go to
     */
    LaneSender(final int lane, final int toLane, final int stations, final List<Transmitter> transmitters) {
        this.lane = lane;
        this.stations = stations;
        firstFrom = lane * stations;
        firstTo = toLane * stations;
        from = Wire.mac(firstFrom);
        to = Wire.mac(firstTo);
        this.transmitters = transmitters;
        flowsAQueue = transmitters.size() == 1 ? 1 : FLOWS_A_QUEUE;
        next = new long[flows()];
        turn = new int[transmitters.size()];
    }

    int flows() {
        return transmitters.size() * flowsAQueue;
    }

    /**
     * Gets ready for a trial.
     *
     * @param number of the trial, which every frame carries
     * @param start when the first frame is due
     * @param nanosPerFrame between two frames; 0 for as many as the back-end takes
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

    /** Sends one frame to everybody, for the back-end to learn where this station is. */
    void hello() {
        final Transmitter transmitter = transmitters.getFirst();
        final long frame = transmitter.reserve();
        if (frame != 0) {
            Wire.write(frame, Wire.header(lane, from, Wire.BROADCAST, FrameMix.SHORTEST), 0, trial, 0);
            transmitter.commit(FrameMix.SHORTEST);
            transmitter.flush();
        }
    }

    /** Sends what is due on one queue, a burst at most; the number of frames. */
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

    /** Whether a frame is due by that time. */
    boolean isDue(final long now) {
        return due - now <= 0;
    }

    private void write(final long frame, final int queue, final long time) {
        final int flow = queue * flowsAQueue + turn[queue];
        turn[queue] = turn[queue] + 1 == flowsAQueue ? 0 : turn[queue] + 1;
        Wire.write(frame, headers[atLength], flow, trial | next[flow], time);
        next[flow]++;
        if (stations > 1) {
            Wire.stations(frame, firstFrom + atStation, firstTo + atStation);
            atStation = atStation + 1 == stations ? 0 : atStation + 1;
        }
    }

    /** Notes that no more will be sent in this trial. */
    void end() {
        total = sent;
    }

    /** How many frames the trial has, once it is known; -1 before. */
    long total() {
        return total;
    }
}
