package io.ringbridge.config;

import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.os.ThreadTuning;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Parses processors in the kernel's list format: {@code 1,3-5}. */
final class CpuList {
    static final String NEEDED = "a list of distinct processors from 0 to 1023, such as 1,3-5";
    private static final String ALLOWED = "Cpus_allowed_list:";
    private static final int MAX_CPU = 1023;
    private static final Pattern RANGE = Pattern.compile("(\\d{1,4})(?:-(\\d{1,4}))?");

    private CpuList() {
    }

    /** Returns the reason why this process cannot pin threads to these processors; empty if it can. */
    static Optional<String> whyNotHere(final List<Integer> cpus) {
        for (final int cpu : cpus) {
            try {
                ThreadTuning.check(cpu);
            } catch (OsException _) {
                return Optional.of("processor " + cpu
                    + " does not exist or is not available to this process; available: " + ofThisProcess());
            }
        }
        return Optional.empty();
    }

    private static String ofThisProcess() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/status"))) {
            return lines.filter(line -> line.startsWith(ALLOWED)).map(line -> line.substring(ALLOWED.length()).strip())
                .findFirst()
                .orElse("unknown");
        } catch (IOException | UncheckedIOException _) {
            return "unknown";
        }
    }

    /**
     * Adds the processors of a list.
     *
     * @return false if the text is not such a list, or names a processor twice
     */
    static boolean addTo(final List<Integer> cpus, final String text) {
        for (final String part : text.split(",", -1)) {
            final Matcher range = RANGE.matcher(part.strip());
            if (!range.matches()) {
                return false;
            }
            final int first = Integer.parseInt(range.group(1));
            final int last = range.group(2) == null ? first : Integer.parseInt(range.group(2));
            if (last < first || last > MAX_CPU) {
                return false;
            }
            for (int cpu = first; cpu <= last; cpu++) {
                if (cpus.contains(cpu)) {
                    return false;
                }
                cpus.add(cpu);
            }
        }
        return true;
    }
}
