package io.ringbridge.control.backend.ring;

import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.protocol.BackendRequest;
import io.ringbridge.control.protocol.Codec;
import io.ringbridge.datapath.os.EventFd;
import org.jspecify.annotations.Nullable;

/**
 * The channel for the back-end's own requests (vhost-user, "Back-end message types"), most of which are about rings.
 *
 * <p>Any thread may {@link #post}; a worker signals an {@link #event} instead. All other methods are for the session's
 * thread.
 */
public interface BackendChannel extends AutoCloseable {
    /** The channel of a front-end that has provided no socket for it. Drops every request. */
    BackendChannel NONE = new BackendChannel() {
        @Override
        public void post(final Outgoing outgoing) {
            // There is nobody to send it to.
        }

        @Override
        public @Nullable EventFd event(final Source source) {
            return null;
        }

        @Override
        public void heed() {
            // Nothing is sent.
        }

        @Override
        public void pause() {
            // There is no thread.
        }

        @Override
        public void resume() {
            // There is no thread.
        }

        @Override
        public void save(final StateWriter out) {
            // There is nothing to hand over.
        }

        @Override
        public void end() {
            // There is no socket.
        }

        @Override
        public void relinquish() {
            // There is no socket.
        }

        @Override
        public void close() {
            // There is no socket.
        }
    };

    /** Supplies the request to send when its event is signalled, or null for none. Called on the channel's thread. */
    @FunctionalInterface
    interface Source {
        @Nullable Outgoing next();
    }

    /** Supplies the same request every time. */
    record Notice(Outgoing next) implements Source { }

    /** Queues a request. The request is dropped if the channel has ended, or if too many wait. */
    void post(Outgoing outgoing);

    /**
     * Queues a request without interest in its result. The request is dropped if the channel has ended, or if too many
     * wait.
     */
    default void post(final BackendRequest request, final byte[] payload) {
        post(new Outgoing(request, payload, null));
    }

    /**
     * Returns an event that, whenever signalled, sends the request from its source. The channel owns the event.
     *
     * @return null from {@link #NONE}
     */
    @Nullable EventFd event(Source source);

    /** Returns an event that, whenever signalled, sends a request about a ring, as {@link #event(Source)} does. */
    default @Nullable EventFd event(final BackendRequest request, final int vring) {
        return event(new Notice(new Outgoing(request, Codec.vringState(vring, 0), null)));
    }

    /**
     * Applies a change of the front-end's silence. If the front-end is silenced, nothing is sent any more when this
     * returns. If the front-end blocks a half-sent message by not reading, the channel ends. If the front-end is no
     * longer silenced, the waiting requests are sent.
     */
    void heed();

    /**
     * Ends the thread between two messages, until {@link #resume}. If the front-end leaves a message half sent or half
     * received for too long, the channel ends.
     */
    void pause();

    /** Resumes after {@link #pause}, or with the requests that another process had not sent. */
    void resume();

    /** Writes a paused channel for another process. Writes nothing of a channel that has ended. */
    void save(StateWriter out);

    /** Ends the channel: it sends nothing more, but its events stay open. */
    void end();

    /** Ends the thread, but leaves the socket to the process that owns it now. No thread may use an event any more. */
    void relinquish();

    /** Ends the thread and closes the socket. No thread may use an event any more. */
    @Override
    void close();
}
