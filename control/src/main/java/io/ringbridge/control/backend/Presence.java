package io.ringbridge.control.backend;

/** Observes the front-ends of one port, on the thread of the port's session. */
public interface Presence {
    /** Ignores all events. */
    Presence UNHEARD = new Presence() {
        @Override
        public void arrived() {
            // Ignored.
        }

        @Override
        public void left() {
            // Ignored.
        }
    };

    /** Called when the first ring of a connection runs. */
    void arrived();

    /**
     * Called when the connection is over, and the port serves other front-ends. Not called if this process ends, or if
     * another process owns the port now.
     */
    void left();
}
