package io.ringbridge.cli;

import java.io.PrintWriter;
import java.io.StringWriter;

/** The result of a command that was run in this process. */
record Run(int status, String out, String err) {
    static Run of(final String... args) {
        final StringWriter out = new StringWriter();
        final StringWriter err = new StringWriter();
        final int status = Main.run(new PrintWriter(out, true), new PrintWriter(err, true), args);
        return new Run(status, out.toString(), err.toString());
    }
}
