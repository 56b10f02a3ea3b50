package io.ringbridge.datapath.ring;

/**
 * The thread that may use the objects of one worker: rings, queues, and what takes and delivers frames.
 *
 * <p>These objects have no locks. Their methods assert that the owner calls them, which costs nothing unless the JVM
 * runs with {@code -ea}, as all tests do.
 */
@FunctionalInterface
public interface Owner {
    /** Owns what belongs to no worker: any one thread at a time may use it. */
    Owner ANY = () -> true;

    /** Whether the calling thread is the owner. Any thread may call. */
    boolean isCaller();
}
