package io.ringbridge.control.backend.ring;

import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.datapath.os.EventFd;
import org.jspecify.annotations.Nullable;

/**
 * The descriptors that the front-end has provided for one ring, to notify and to be notified.
 *
 * <p>Owned by the session's thread.
 */
final class VringEvents implements AutoCloseable {
    private @Nullable PeerEvent kick;
    private @Nullable PeerEvent call;
    private @Nullable PeerEvent error;
    /** The count of {@link #kick} at the last call of {@link #newKicks}; negative before the first. */
    private long seenKicks = -1;

    /**
     * Replaces a descriptor.
     *
     * @param event null for none
     * @return the previous descriptor, which the caller closes
     */
    @Nullable PeerEvent replace(final Request which, final @Nullable PeerEvent event) {
        final PeerEvent old;
        switch (which) {
            case SET_VRING_KICK -> {
                old = kick;
                kick = event;
                seenKicks = -1;
            }
            case SET_VRING_CALL -> {
                old = call;
                call = event;
            }
            default -> {
                old = error;
                error = event;
            }
        }
        return old;
    }

    /** Returns the event that the front-end kicks; null if the front-end has provided none. */
    @Nullable EventFd kick() {
        return event(kick);
    }

    /** Returns the growth of the kick count since the last call, or 0 if a worker has reset the count. */
    long newKicks() {
        final long before = seenKicks;
        seenKicks = kick == null ? -1 : kick.event().count();
        return before < 0 ? 0 : Math.max(0, seenKicks - before);
    }

    /** Returns the event that calls the front-end; null if the front-end has provided none. */
    @Nullable EventFd call() {
        return event(call);
    }

    /** Returns the event that reports an error to the front-end; null if the front-end has provided none. */
    @Nullable EventFd error() {
        return event(error);
    }

    private static @Nullable EventFd event(final @Nullable PeerEvent given) {
        return given == null ? null : given.event();
    }

    /** Writes the descriptors for another process. */
    void save(final StateWriter out) {
        out.event(number(kick)).event(number(call)).event(number(error));
    }

    private static int number(final @Nullable PeerEvent event) {
        return event == null ? StateWriter.NONE : event.fd();
    }

    /** Adopts the descriptors of another process. */
    void restore(final StateReader in, final Relay relay) {
        kick = in.event(relay::kick);
        call = in.event(relay::notification);
        error = in.event(relay::notification);
    }

    /** Closes the descriptors that a front-end sends again before it restarts the ring. */
    void stop() {
        close(kick);
        kick = null;
        close(call);
        call = null;
    }

    /** Closes every descriptor. No worker may use one any more. */
    @Override
    public void close() {
        stop();
        close(error);
        error = null;
    }

    private static void close(final @Nullable PeerEvent event) {
        if (event != null) {
            event.close();
        }
    }
}
