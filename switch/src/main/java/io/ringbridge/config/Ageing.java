package io.ringbridge.config;

import java.time.Duration;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Parses the time after which a silent station is removed, such as {@code 300s}, {@code 5m} or {@code 1h}. */
final class Ageing {
    static final String NEEDED = "a time from 1s to 24h, such as 300s or 5m";
    private static final Pattern TIME = Pattern.compile("(\\d{1,6})([smh])");
    private static final Duration MAX = Duration.ofHours(24);

    private Ageing() {
    }

    static Optional<Duration> parse(final String text) {
        final Matcher time = TIME.matcher(text);
        if (!time.matches()) {
            return Optional.empty();
        }
        final long number = Long.parseLong(time.group(1));
        final Duration duration = switch (time.group(2)) {
            case "s" -> Duration.ofSeconds(number);
            case "m" -> Duration.ofMinutes(number);
            default -> Duration.ofHours(number);
        };
        return duration.isZero() || duration.compareTo(MAX) > 0 ? Optional.empty() : Optional.of(duration);
    }
}
