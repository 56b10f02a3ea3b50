package io.ringbridge.control;

import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;

/**
 * What joins a port to the world outside, and drives it: a guest's back-end, or what holds an uplink's device. Any thread may call in.
 *
 * <p>To be handed to another process it is {@linkplain #ask asked} to stand still, {@linkplain #save saved}, and, once its port is
 * suspended, {@linkplain #hold held}; then it either {@linkplain #goOn goes on} or is {@linkplain #letGo let go}. There it is made of what
 * was saved, takes over {@linkplain #restorePositions what has moved} since, {@linkplain #begin begins}, before which nothing that the two
 * share is written to, and goes on with {@link #serve}. One thread does all this.
 */
public interface Link extends AutoCloseable {
    /** Waits until it serves no more. */
    void awaitEnd() throws InterruptedException;

    /** Asks it to stand still. Frames go on. */
    void ask();

    /**
     * Returns when it stands still, as it was asked to.
     *
     * @param limitMillis for who is at the other side; more is for what is done on their behalf
     * @throws HandOverException when it does not
     */
    void awaitStandstill(long limitMillis);

    /** Writes down all that does not change while it stands still. */
    void save(StateWriter out);

    /** Lets its other threads, if it has some, come to rest: nothing moves any more. Its port is suspended. */
    void hold();

    /** Writes down what moves, and the counters: for good once it is held. Where it is not, nothing is changed by it. */
    void savePositions(StateWriter out);

    /** Goes on after {@link #ask}. */
    void goOn();

    /** Takes over what moves, and the counters. */
    void restorePositions(StateReader in);

    /** Starts what was taken over. Frames move once the port is suspended no more. */
    void begin();

    /** Begins to serve who was taken over, and others after; once. */
    void serve();

    /** Leaves everything to the process that has it as well, and ends. It stands still, or has not begun. */
    void letGo();

    /** Ends it: whatever was attached is let go of, and the port detached. */
    @Override
    void close();
}
