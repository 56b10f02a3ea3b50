package io.ringbridge.bench.options;

import picocli.CommandLine.Model.CommandSpec;

import java.io.PrintWriter;
import java.util.Locale;

/** The two streams of a command: the result, and progress lines. */
public final class Output {
    /** The exit status of a command that is done, but had too few undisturbed trials. */
    public static final int TOO_FEW_TRIALS = 3;

    private final PrintWriter out;
    private final PrintWriter err;

    public Output(final CommandSpec spec) {
        out = spec.commandLine().getOut();
        err = spec.commandLine().getErr();
    }

    /** Returns the stream for the result. */
    public PrintWriter out() {
        return out;
    }

    /** Prints a progress line to standard error, so that the result on standard output can be redirected. */
    @SuppressWarnings("AnnotateFormatMethod") // the annotation is in a library of the compiler's classpath only
    public void progress(final String format, final Object... arguments) {
        err.println(String.format(Locale.ROOT, format, arguments));
        err.flush();
    }

    /** Formats a number with that many digits after the decimal point. */
    public static String fixed(final int digits, final double number) {
        return String.format(Locale.ROOT, "%." + digits + "f", number);
    }
}
