package io.ringbridge.control.backend.ring;

import io.ringbridge.datapath.os.EventFd;

/** A descriptor from a front-end for kicks, calls, errors or log changes. Owned by the session's thread. */
public interface PeerEvent extends AutoCloseable {
    /** Returns the event that workers drain and signal. This object still owns it. */
    EventFd event();

    /** Returns the number of the front-end's descriptor, to be passed to another process. This object still owns it. */
    int fd();

    /** Closes the descriptor. No worker may use the event any more. */
    @Override
    void close();

    /** An eventfd, which workers use directly. */
    record Direct(EventFd event) implements PeerEvent {
        @Override
        public int fd() {
            return event.fd();
        }

        @Override
        public void close() {
            event.close();
        }
    }
}
