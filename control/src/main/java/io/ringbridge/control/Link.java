package io.ringbridge.control;

import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;

/**
 * Connects a port to the outside world and drives it: the vhost-user back-end of a guest, or the device behind an
 * uplink.
 *
 * <p>A link can move to another process without its peer noticing. One thread performs the steps of each process:
 * <pre>
 *   old process
 *                requestPause        awaitPaused, saveState         park, savePositions
 *     SERVING ----------------> PAUSING ----------------> PAUSED ----------------------> PARKED
 *        ^                         |                        |                              |
 *        +-------- resume ---------+------------------------+------------------------------+--> relinquish
 *
 *   new process
 *                   restorePositions             start             serve
 *     CONSTRUCTED ------------------> RESTORED --------> STARTED --------> SERVING
 * </pre>
 * The port is suspended between {@link #saveState} and {@link #park}. If anything fails, the old process calls
 * {@link #resume} in place of {@link #relinquish}. The new process writes nothing to shared memory before
 * {@link #start}. Any thread may call.
 */
public interface Link extends AutoCloseable {
    /** Waits until the link has ended. */
    void awaitEnd() throws InterruptedException;

    /** Asks the link's own thread to pause. Frames keep moving. */
    void requestPause();

    /**
     * Waits until the link's thread has paused, after {@link #requestPause}.
     *
     * @param limitMillis the time that the peer may take; what the link does for the peer may take longer
     * @throws HandOverException if the thread does not pause in time
     */
    void awaitPaused(long limitMillis);

    /** Writes the sections of the state that does not change while the link is paused. */
    void saveState(StateWriter out);

    /** Parks the link's other threads, if it has any. The port is suspended, so nothing moves after this. */
    void park();

    /**
     * Writes the sections of the ring positions and counters. They are final after {@link #park}; before it, they are a
     * snapshot.
     */
    void savePositions(StateWriter out);

    /** Resumes the link after {@link #requestPause}. */
    void resume();

    /** Reads the ring positions and counters that the old process wrote. */
    void restorePositions(StateReader in);

    /** Starts the restored rings or device. Frames move once the port is no longer suspended. */
    void start();

    /** Starts to serve the restored peer, and later ones after it. Called once. */
    void serve();

    /**
     * Relinquishes everything to the other process, which owns it now, and ends. The link is paused, or has not
     * started.
     */
    void relinquish();

    /** Ends the link: disconnects the peer or closes the device, and detaches the port. */
    @Override
    void close();
}
