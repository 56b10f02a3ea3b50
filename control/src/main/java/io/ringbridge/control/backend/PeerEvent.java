package io.ringbridge.control.backend;

import io.ringbridge.datapath.os.EventFd;

/** A descriptor that a front-end gave for kicks, calls, errors or log changes. Owned by the session's thread. */
interface PeerEvent extends AutoCloseable {
    /** Returns what workers drain and signal; it remains this object's. */
    EventFd event();

    /** Returns the number of the front-end's descriptor, for handing it on; it remains this object's. */
    int fd();

    /** Closes the descriptor. No worker may use the event any more. */
    @Override
    void close();

    /** An eventfd, which workers use themselves. */
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
