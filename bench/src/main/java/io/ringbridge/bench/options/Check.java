package io.ringbridge.bench.options;

import java.time.Duration;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** Refuses what an option may not be, in one line that says what it may. */
public final class Check {
    private static final double MAX_SECONDS = 3600;

    private final CommandSpec spec;

    /** Refuses in the name of a command. */
    public Check(final CommandSpec spec) {
        this.spec = spec;
    }

    /** A whole number within limits. */
    public int number(final String option, final int value, final int min, final int max) {
        if (value < min || value > max) {
            throw refuse(option + " " + value + " is out of range; " + min + " to " + max + " is allowed");
        }
        return value;
    }

    /** A whole number within limits. */
    public long number(final String option, final long value, final long min, final long max) {
        if (value < min || value > max) {
            throw refuse(option + " " + value + " is out of range; " + min + " to " + max + " is allowed");
        }
        return value;
    }

    /** A period in seconds, a fraction allowed. */
    public Duration seconds(final String option, final double value, final double min) {
        if (!(value >= min && value <= MAX_SECONDS)) {
            throw refuse(option + " " + value + " is no number of seconds, " + min + " to " + (int) MAX_SECONDS);
        }
        return Duration.ofNanos(Math.round(value * 1e9));
    }

    /** What ends the command. */
    public ParameterException refuse(final String message) {
        return new ParameterException(spec.commandLine(), message);
    }
}
