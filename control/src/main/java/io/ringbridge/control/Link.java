package io.ringbridge.control;

/** What joins a port to the world outside, and drives it: a back-end for a guest, or a tap device's. Any thread may call in. */
public interface Link extends AutoCloseable {
    /** Waits until it serves no more. */
    void awaitEnd() throws InterruptedException;

    /** Ends it: whatever was attached is let go of, and the port detached. */
    @Override
    void close();
}
