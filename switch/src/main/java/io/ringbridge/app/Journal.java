package io.ringbridge.app;

import ch.qos.logback.classic.Level;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The journal of systemd, if standard error leads there. It records the time itself, and takes the level from a prefix
 * of each line (sd-daemon(3)).
 */
final class Journal {
    /** Names the device and the inode of the journal's stream, as {@code 8:12345} (systemd.exec(5)). */
    private static final String STREAM = "JOURNAL_STREAM";
    private static final Path STANDARD_ERROR = Path.of("/proc/self/fd/2");

    private Journal() {
    }

    /** Whether standard error of this process is a stream of the journal. A redirection may have replaced it. */
    static boolean isStandardError() {
        return isStream(System.getenv(), STANDARD_ERROR);
    }

    static boolean isStream(final Map<String, String> environment, final Path descriptor) {
        final String stream = environment.get(STREAM);
        if (stream == null) {
            return false;
        }
        try {
            final Map<String, Object> file = Files.readAttributes(descriptor, "unix:dev,ino");
            return stream.equals(file.get("dev") + ":" + file.get("ino"));
        } catch (final IOException e) {
            return false;
        }
    }

    /** Returns one or more lines, each with the prefix for a level. */
    static String prefixed(final String lines, final Level level) {
        final String prefix = "<" + priority(level) + ">";
        return lines.lines().map(line -> prefix + line + '\n').collect(Collectors.joining());
    }

    /** Returns the priority of syslog(3). */
    private static int priority(final Level level) {
        return switch (level.toInt()) {
            case Level.ERROR_INT -> 3;
            case Level.WARN_INT -> 4;
            case Level.INFO_INT -> 6;
            default -> 7;
        };
    }
}
