package io.ringbridge.app;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.LoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import ch.qos.logback.core.spi.FilterReply;
import io.ringbridge.control.event.Event;
import io.ringbridge.control.event.EventKind;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.slf4j.LoggerFactory;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

@Timeout(20)
class LogLimitTest {
    private static final String REFUSED = "port {}: refused {}: {}";

    private final List<Runnable> reports = new ArrayList<>();
    private final LogLimit limit = new LogLimit(reports::add);
    private Instant now = Instant.EPOCH.plusSeconds(1_000_000);

    /** Logs that many lines, and returns the number that pass. */
    private long passing(final int lines, final Level level, final String message, final Object... arguments) {
        long passed = 0;
        for (int i = 0; i < lines; i++) {
            final LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
            final LoggingEvent event =
                new LoggingEvent("", context.getLogger("io.ringbridge.test"), level, message, null, arguments);
            event.setInstant(now);
            passed += limit.decide(event) == FilterReply.DENY ? 0 : 1;
        }
        return passed;
    }

    @Test
    void aRepeatedLinePassesTenTimesPerPeriod() {
        assertEquals(LogLimit.LINES, passing(1000, Level.WARN, REFUSED, "a", "SET_MEM_TABLE", "no"));
        assertEquals(LogLimit.LINES, passing(1000, Level.WARN, REFUSED, "b", "SET_MEM_TABLE", "no"),
            "a line of another port");
        assertEquals(LogLimit.LINES, passing(1000, Level.INFO, "port {}: attached to {}", "a", "process 1"),
            "a line of another kind");
        assertEquals(LogLimit.LINES, passing(1000, Level.ERROR, "a worker failed and continues"), "a line of no port");
        assertEquals(0, passing(1000, Level.WARN, REFUSED, "a", "SET_VRING_NUM", "with other arguments"));
        assertEquals(1000, passing(1000, Level.DEBUG, REFUSED, "a", "SET_MEM_TABLE", "no"));
        assertEquals(4, reports.size());
    }

    @Test
    void eventsOfDifferentKindsAreCountedSeparately() {
        final Event attached = new Event(1, now, EventKind.ATTACHED, "a", "attached", Map.of());
        final Event detached = new Event(2, now, EventKind.DETACHED, "a", "detached", Map.of());
        assertEquals(LogLimit.LINES, passing(1000, Level.INFO, "port {}: {}", "a", "attached", attached));
        assertEquals(LogLimit.LINES, passing(1000, Level.INFO, "port {}: {}", "a", "detached", detached));
    }

    @Test
    void nothingAboutAVerbosePortIsSuppressed() {
        Logging.level("a", Level.DEBUG);
        try {
            assertEquals(1000, passing(1000, Level.WARN, REFUSED, "a", "SET_MEM_TABLE", "no"));
            assertEquals(LogLimit.LINES, passing(1000, Level.WARN, REFUSED, "b", "SET_MEM_TABLE", "no"));
        } finally {
            Logging.level("a", null);
        }
    }

    @Test
    void linesPassAgainInTheNextPeriod() {
        assertEquals(LogLimit.LINES, passing(LogLimit.LINES, Level.WARN, REFUSED, "a", "SET_MEM_TABLE", "no"));
        now = now.plus(LogLimit.PERIOD);
        assertEquals(LogLimit.LINES, passing(100, Level.WARN, REFUSED, "a", "SET_MEM_TABLE", "no"));
    }

    @Test
    void suppressedLinesAreReported() {
        passing(1234, Level.WARN, REFUSED, "a", "SET_MEM_TABLE", "no");
        passing(1, Level.WARN, REFUSED, "a", "SET_VRING_NUM", "odd");
        final ListAppender<ILoggingEvent> log = new ListAppender<>();
        final ch.qos.logback.classic.Logger logger =
            ((LoggerContext) LoggerFactory.getILoggerFactory()).getLogger(LogLimit.class);
        log.start();
        logger.addAppender(log);
        try {
            reports.forEach(Runnable::run);
        } finally {
            logger.detachAppender(log);
        }
        assertEquals(List.of("WARN 1225 more lines like this one were suppressed within 10 s: "
                + "port a: refused SET_VRING_NUM: odd"),
            log.list.stream().map(event -> event.getLevel() + " " + event.getFormattedMessage()).toList());
        assertEquals(LogLimit.LINES, passing(100, Level.WARN, REFUSED, "a", "SET_MEM_TABLE", "no"), "after the report");
        assertTrue(reports.size() == 2, "another report is pending");
    }
}
