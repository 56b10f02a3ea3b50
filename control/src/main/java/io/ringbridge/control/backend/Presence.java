package io.ringbridge.control.backend;

/** Hears when front-ends come and go at one port, on the thread of the port's session. */
public interface Presence {
    /** Hears nothing. */
    Presence UNHEARD = new Presence() {
        @Override
        public void arrived() {
            // nobody wants to know
        }

        @Override
        public void left() {
            // nobody wants to know
        }
    };

    /** A ring of the front-end runs, the first one of its connection. */
    void arrived();

    /**
     * The connection is over, and the port serves others. Not called if this process ends, or another one takes over.
     */
    void left();
}
