package io.ringbridge.api;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Formats traces for people, at most 100 columns wide where the content allows. Times are local. */
final class TraceText {
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("HH:mm:ss.SSSSSS", Locale.ROOT);
    private static final int WIDTH = 100;
    private static final String INDENT = "    ";

    private TraceText() {
    }

    private static ZonedDateTime local(final String time) {
        return Instant.parse(time).atZone(ZoneId.systemDefault());
    }

    static String messages(final List<MessageView> messages) {
        final StringBuilder text = new StringBuilder();
        line(text, "TIME", "KIND", "MESSAGE", "BYTES", "FDS", "US", "RESULT");
        LocalDate day = null;
        for (final MessageView message : messages) {
            final ZonedDateTime time = local(message.time());
            if (!time.toLocalDate().equals(day)) {
                day = time.toLocalDate();
                text.append(day).append('\n');
            }
            final boolean isEvent = message.kind().equals("session");
            line(text, TIME.format(time), message.kind(), message.name(), isEvent ? "" : message.bytes(),
                isEvent ? "" : message.descriptors(),
                message.kind().endsWith("request") ? String.format(Locale.ROOT, "%.0f", message.micros()) : "",
                message.result() + (message.times() == 1 ? "" : ", " + message.times() + " times"));
            if (message.why() != null) {
                wrap(text, message.why());
            }
            if (!message.values().isEmpty()) {
                wrap(text, content(message.values()));
            }
        }
        return text.toString();
    }

    private static void line(final StringBuilder text, final Object... cells) {
        text.append(String.format("%-15s  %-15s  %-22s  %5s  %3s  %8s  %s", cells).stripTrailing()).append('\n');
    }

    private static String content(final Map<String, String> values) {
        final StringBuilder text = new StringBuilder();
        values.forEach((key, value) -> text.append(text.isEmpty() ? "" : ", ").append(key).append(": ").append(value));
        return text.toString();
    }

    /** Appends indented lines, broken between words. */
    private static void wrap(final StringBuilder text, final String words) {
        int column = WIDTH;
        boolean first = true;
        for (final String word : words.split("\\s+", -1)) {
            if (column + 1 + word.length() > WIDTH) {
                text.append(first ? "" : "\n").append(INDENT);
                column = INDENT.length();
            } else {
                text.append(' ');
                column++;
            }
            text.append(word);
            column += word.length();
            first = false;
        }
        text.append('\n');
    }

    static String frames(final List<FrameView> frames) {
        final Table table = new Table("TIME", "WAY", "VERDICT", "BYTES", "SKIPPED", "FRAME");
        for (final FrameView frame : frames) {
            table.row(TIME.format(local(frame.time())), frame.direction(), frame.outcome(), frame.bytes(),
                frame.skipped(), frame.summary());
        }
        final StringWriter text = new StringWriter();
        table.print(new PrintWriter(text));
        return text.toString();
    }
}
