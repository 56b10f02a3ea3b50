package io.ringbridge.app;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.LoggingEvent;
import ch.qos.logback.core.Layout;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.ringbridge.control.event.Event;
import io.ringbridge.control.event.EventKind;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.util.List;
import java.util.Map;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests the formats of log lines. */
@Timeout(20)
class LogFormatTest {
    private static final Instant NOON = LocalDateTime.of(2026, 11, 30, 12, 0, 0, 7_000_000)
        .atZone(ZoneId.systemDefault()).toInstant();
    private static final Event ATTACHED = new Event(17, NOON, EventKind.ATTACHED, "vm1", "attached to process 4711",
        Map.of("pid", 4711));

    @TempDir
    private Path directory;

    private static String line(final Layout<ch.qos.logback.classic.spi.ILoggingEvent> layout, final Level level,
                               final Throwable failure, final String message, final Object... arguments) {
        final LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
        final LoggingEvent event =
            new LoggingEvent("", context.getLogger("io.ringbridge.test"), level, message, failure, arguments);
        event.setInstant(NOON);
        return layout.doLayout(event);
    }

    @Test
    void aLineOfTextHasDateTimeAndLevel() {
        final LogLine text = new LogLine(false);
        assertEquals("2026-11-30 12:00:00.007 INFO  port vm1: attached to process 4711\n",
            line(text, Level.INFO, null, "port {}: {}", "vm1", "attached to process 4711", ATTACHED));
        assertEquals("2026-11-30 12:00:00.007 ERROR no line break of a guest ends a line\n",
            line(text, Level.ERROR, null, "{}", "no line break of a guest\nends a line"));
    }

    @Test
    void aLineForTheJournalHasAPriorityAndNoTime() {
        final LogLine text = new LogLine(true);
        assertEquals("<6>port vm1: removed\n", line(text, Level.INFO, null, "port {}: {}", "vm1", "removed"));
        assertEquals("<4>a warning\n", line(text, Level.WARN, null, "a warning"));
        assertEquals("<7>a detail\n", line(text, Level.DEBUG, null, "a detail"));
        final List<String> trace =
            line(text, Level.ERROR, new IllegalStateException("broken"), "a failure").lines().toList();
        assertEquals("<3>a failure: java.lang.IllegalStateException: broken", trace.getFirst());
        assertTrue(trace.size() > 2 && trace.stream().allMatch(each -> each.startsWith("<3>")), trace.toString());
    }

    @Test
    void aLineOfJsonHasTheFactsOfAnEvent() throws IOException {
        final String line = line(new JsonLine(false), Level.INFO, null, "port {}: {}", "vm1",
            "attached to process 4711", ATTACHED);
        assertEquals(1, line.lines().count());
        final JsonNode json = new ObjectMapper().readTree(line);
        assertEquals(NOON, Instant.parse(json.get("time").asText()));
        assertEquals("info", json.get("level").asText());
        assertEquals("port vm1: attached to process 4711", json.get("message").asText());
        assertEquals("vm1", json.get("port").asText());
        assertEquals("attached", json.get("event").asText());
        assertEquals(17, json.get("id").asLong());
        assertEquals(4711, json.get("details").get("pid").asInt());
        assertFalse(json.has("error"));
    }

    @Test
    void aLineOfJsonHasAFailureAndStaysOneLine() throws IOException {
        final String line = line(new JsonLine(true), Level.ERROR, new IllegalStateException("bro\nken"), "a failure");
        assertEquals(1, line.lines().count());
        assertTrue(line.startsWith("<3>{"), line);
        final JsonNode json = new ObjectMapper().readTree(line.substring(3));
        assertEquals("java.lang.IllegalStateException: bro\nken", json.get("error").asText());
        assertTrue(json.get("trace").asText().contains("LogFormatTest"), line);
        assertFalse(json.has("port") || json.has("event"));
    }

    @Test
    void onlyTheStreamThatTheVariableNamesIsTheJournal() throws IOException {
        final Path stream = Files.createFile(directory.resolve("stream"));
        final Path other = Files.createFile(directory.resolve("other"));
        final Map<String, Object> file = Files.readAttributes(stream, "unix:dev,ino");
        final Map<String, String> environment = Map.of("JOURNAL_STREAM", file.get("dev") + ":" + file.get("ino"));
        assertTrue(Journal.isStream(environment, stream));
        assertFalse(Journal.isStream(environment, other));
        assertFalse(Journal.isStream(environment, directory.resolve("missing")));
        assertFalse(Journal.isStream(Map.of(), stream));
    }
}
