package io.ringbridge.app.diagnosis;

import java.util.Locale;

/**
 * The result of one check of a port.
 *
 * @param name the name of the check
 * @param text the facts and, of a problem, the remedy
 */
public record Check(String name, State state, String text) {
    /** The results of a check. */
    public enum State {
        /** The port works in this respect. */
        OK,
        /** This keeps the port from working, or makes it lose frames. */
        PROBLEM,
        /** Nothing has happened yet that would show it. */
        UNKNOWN;

        /** Returns the word for output. */
        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    static Check ok(final String name, final String text) {
        return new Check(name, State.OK, text);
    }

    static Check problem(final String name, final String text) {
        return new Check(name, State.PROBLEM, text);
    }

    static Check unknown(final String name, final String text) {
        return new Check(name, State.UNKNOWN, text);
    }
}
