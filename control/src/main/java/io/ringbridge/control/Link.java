package io.ringbridge.control;

/** What joins a port to the world outside, and drives it: a guest's back-end, or what holds an uplink's device. Any thread may call in. */
public interface Link extends AutoCloseable {
    /** Waits until it serves no more. */
    void awaitEnd() throws InterruptedException;

    /** Ends it: whatever was attached is let go of, and the port detached. */
    @Override
    void close();
}
