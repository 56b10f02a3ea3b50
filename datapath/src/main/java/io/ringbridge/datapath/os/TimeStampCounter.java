package io.ringbridge.datapath.os;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * The rate of the processors' time stamp counter.
 *
 * <p>The counter runs at a constant rate, whatever the processor's clock does. The kernel has no interface that reports
 * this rate everywhere, so these sources are read in turn:
 * <ol>
 * <li>{@code tsc_freq_khz}, in which a kernel module exports the calibrated rate,
 * <li>the nominal frequency of the scaling driver or of the firmware, which equals the counter's rate,
 * <li>{@code cpu MHz}, which is the calibrated rate if nothing scales the clock, as in most virtual machines. Otherwise
 * it is the current clock and is not used.
 * </ol>
 */
public final class TimeStampCounter {
    private static final String CPU = "sys/devices/system/cpu/cpu0/";

    private TimeStampCounter() {
    }

    /** Returns the ticks per second, or nothing if the rate is unknown. */
    public static OptionalDouble hertz() {
        return hertz(Path.of("/"));
    }

    static OptionalDouble hertz(final Path root) {
        final OptionalDouble calibrated = number(root.resolve(CPU + "tsc_freq_khz"), 1e3);
        if (calibrated.isPresent()) {
            return calibrated;
        }
        final OptionalDouble base = number(root.resolve(CPU + "cpufreq/base_frequency"), 1e3);
        if (base.isPresent()) {
            return base;
        }
        final OptionalDouble nominal = number(root.resolve(CPU + "acpi_cppc/nominal_freq"), 1e6);
        if (nominal.isPresent()) {
            return nominal;
        }
        return Files.exists(root.resolve(CPU + "cpufreq"))
            ? OptionalDouble.empty() : cpuinfo(root.resolve("proc/cpuinfo"));
    }

    private static OptionalDouble number(final Path file, final double unit) {
        try {
            return parse(Files.readString(file), unit);
        } catch (final IOException e) {
            return OptionalDouble.empty(); // not every kernel and machine has every file
        }
    }

    private static OptionalDouble cpuinfo(final Path file) {
        try {
            final Optional<String> line =
                Files.readAllLines(file).stream().filter(l -> l.startsWith("cpu MHz")).findFirst();
            return line.isEmpty()
                ? OptionalDouble.empty() : parse(line.get().substring(line.get().indexOf(':') + 1), 1e6);
        } catch (final IOException e) {
            return OptionalDouble.empty();
        }
    }

    private static OptionalDouble parse(final String text, final double unit) {
        try {
            final double value = Double.parseDouble(text.trim()) * unit;
            return value > 0 ? OptionalDouble.of(value) : OptionalDouble.empty();
        } catch (final NumberFormatException e) {
            return OptionalDouble.empty();
        }
    }
}
