package io.ringbridge.bench.options;

import io.ringbridge.bench.plot.Page;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/** Checks the values of options. Each error is one line that names the allowed values. */
public final class Check {
    private static final double MAX_SECONDS = 3600;

    private final CommandSpec spec;

    public Check(final CommandSpec spec) {
        this.spec = spec;
    }

    /**
     * Checks that an integer is within limits.
     *
     * @return the value
     */
    public int number(final String option, final int value, final int min, final int max) {
        if (value < min || value > max) {
            throw refuse(option + " " + value + " is out of range; " + min + " to " + max + " is allowed");
        }
        return value;
    }

    /**
     * Checks that an integer is within limits.
     *
     * @return the value
     */
    public long number(final String option, final long value, final long min, final long max) {
        if (value < min || value > max) {
            throw refuse(option + " " + value + " is out of range; " + min + " to " + max + " is allowed");
        }
        return value;
    }

    /** Converts an option's value in seconds to a duration. The value may have a fraction. */
    public Duration seconds(final String option, final double value, final double min) {
        if (!(value >= min && value <= MAX_SECONDS)) {
            throw refuse(option + " " + value + " is out of range; " + min + " to " + (int) MAX_SECONDS
                + " seconds is allowed");
        }
        return Duration.ofNanos(Math.round(value * 1e9));
    }

    /** Checks an output file before the measurement, so that no result is lost because the file cannot be written. */
    public void file(final String option, final @Nullable Path file) {
        if (file == null) {
            return;
        }
        final Path directory = file.toAbsolutePath().getParent();
        if (directory == null || !Files.isDirectory(directory) || !Files.isWritable(directory)) {
            throw refuse(option + " " + file + ": " + directory + " is not a writable directory");
        }
        if (Files.exists(file) && !Files.isRegularFile(file)) {
            throw refuse(option + " " + file + " is not a regular file; it is not replaced");
        }
    }

    /** Checks the file of a plot, whose name selects the format. */
    public void plot(final String option, final @Nullable Path file) {
        if (file != null && Page.Format.of(file) == null) {
            throw refuse(option + " " + file + " does not end in .svg or .png");
        }
        file(option, file);
    }

    /** Returns the exception that ends the command with this message. */
    public ParameterException refuse(final String message) {
        return new ParameterException(spec.commandLine(), message);
    }
}
