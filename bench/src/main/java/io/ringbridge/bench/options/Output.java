package io.ringbridge.bench.options;

import java.io.PrintWriter;
import java.util.Locale;
import picocli.CommandLine.Model.CommandSpec;

/** Where results go, and the lines for those who wait for them. */
public final class Output {
    private final PrintWriter out;
    private final PrintWriter err;

    /** That of a command. */
    public Output(final CommandSpec spec) {
        out = spec.commandLine().getOut();
        err = spec.commandLine().getErr();
    }

    /** For the result. */
    public PrintWriter out() {
        return out;
    }

    /** Tells how it is going, beside the result, so that the result can be redirected. */
    @SuppressWarnings("AnnotateFormatMethod") // the annotation is in a library that is there for the compiler only
    public void progress(final String format, final Object... arguments) {
        err.println(String.format(Locale.ROOT, format, arguments));
        err.flush();
    }

    /** A number with so many digits after the point. */
    public static String fixed(final int digits, final double number) {
        return String.format(Locale.ROOT, "%." + digits + "f", number);
    }
}
