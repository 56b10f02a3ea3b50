package io.ringbridge.datapath.forward;

import io.ringbridge.datapath.frame.FrameRing;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.EventFd;

/**
 * A worker as the others see it: the ring to which they pass the frames that it is to deliver, and its alarm.
 *
 * <p>The worker itself takes the frames, and records its sleep. Any thread may call the other methods.
 */
public final class Inbox implements AutoCloseable {
    private final FrameRing frames;
    private final EventFd alarm = EventFd.create();
    private final TimedFrame timed = new TimedFrame();
    private volatile boolean asleep;

    /**
     * Creates an empty inbox.
     *
     * @param size the number of entries of the frame ring, a power of two
     * @param single whether there is only one worker
     */
    public Inbox(final int size, final boolean single) {
        frames = new FrameRing(size, single);
    }

    public FrameRing frames() {
        return frames;
    }

    /** Returns the frame in the frame ring whose latency is being measured. */
    TimedFrame timed() {
        return timed;
    }

    /** Returns the event that ends the worker's sleep. */
    public EventFd alarm() {
        return alarm;
    }

    /** Returns whether the worker sleeps or is about to. */
    public boolean isAsleep() {
        return asleep;
    }

    /** Records whether the worker sleeps or is about to. It looks for frames once more after recording that it does. */
    public void asleep(final boolean nowAsleep) {
        asleep = nowAsleep;
    }

    /** Wakes the worker if it sleeps. */
    public void wakeIfAsleep() {
        // The caller's stores must be visible before asleep is read; pairs with the volatile store of asleep.
        Memory.fullFence();
        if (asleep) {
            alarm.signal();
        }
    }

    @Override
    public void close() {
        alarm.close();
    }
}
