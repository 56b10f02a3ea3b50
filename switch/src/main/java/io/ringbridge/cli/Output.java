package io.ringbridge.cli;

import java.io.Console;

/** Describes the destination of this process's output. */
final class Output {
    private Output() {
    }

    /** Whether a person reads the output on a terminal. */
    // Since JDK 25, System.console() is null again if there is no terminal.
    @SuppressWarnings("SystemConsoleNull")
    static boolean isTerminal() {
        final Console console = System.console();
        return console != null && console.isTerminal();
    }

    /** Whether output may have colours: on a terminal, unless the environment has NO_COLOR (no-color.org). */
    static boolean hasColour() {
        final String none = System.getenv("NO_COLOR");
        return (none == null || none.isEmpty()) && !"dumb".equals(System.getenv("TERM")) && isTerminal();
    }
}
