package io.ringbridge.config;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Processors written as the kernel writes them: {@code 1,3-5}. */
final class CpuList {
    static final String NEEDED = "a list of different processors, 0 to 1023, such as 1,3-5";
    private static final int MAX_CPU = 1023;
    private static final Pattern RANGE = Pattern.compile("(\\d{1,4})(?:-(\\d{1,4}))?");

    private CpuList() {
    }

    /** Adds what the text says; false when it is no such list, or names a processor twice. */
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
