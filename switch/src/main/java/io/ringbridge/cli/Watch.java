package io.ringbridge.cli;

import java.io.PrintWriter;
import java.time.Duration;
import java.util.function.Supplier;

/** Prints a text again and again, until the process is interrupted or nobody reads the output any more. */
final class Watch {
    private static final String CLEAR = "\033[2J";
    private static final String HOME = "\033[H";
    private static final String CLEAR_LINE = "\033[K";
    private static final String CLEAR_BELOW = "\033[J";

    private Watch() {
    }

    /**
     * Prints the text once per period.
     *
     * @param redraw whether each text replaces the one before on a terminal; otherwise, an empty line separates them
     */
    static void run(final Supplier<String> text, final Duration period, final boolean redraw, final PrintWriter out) {
        try {
            if (redraw) {
                out.print(CLEAR);
            }
            while (true) {
                final String now = text.get();
                if (redraw) {
                    out.print(HOME);
                    now.lines().forEach(line -> out.println(line + CLEAR_LINE));
                    out.print(CLEAR_BELOW);
                } else {
                    out.println(now);
                }
                if (out.checkError()) { // also flushes
                    return;
                }
                Thread.sleep(period);
                if (!redraw) {
                    out.println();
                }
            }
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }
}
