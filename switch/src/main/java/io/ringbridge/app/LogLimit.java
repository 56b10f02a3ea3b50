package io.ringbridge.app;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.filter.Filter;
import ch.qos.logback.core.spi.FilterReply;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Keeps front-ends from filling the log with messages that they can trigger at will.
 *
 * <p>Ten lines per ten seconds pass for each port and kind of message, which is the kind of the event, or the message
 * before its arguments are filled in. Further lines are counted, and one line reports their number and the last of
 * them. Debug messages always pass. While debug messages are enabled, for all ports or for one, nothing about them is
 * suppressed. Any thread may call.
 */
final class LogLimit extends Filter<ILoggingEvent> {
    static final int LINES = 10;
    static final Duration PERIOD = Duration.ofSeconds(10);
    private static final Logger LOG = LoggerFactory.getLogger(LogLimit.class);
    /**
     * More than the kinds of messages that all ports have at a time. Beyond it, the kind that was quiet for longest is
     * dropped.
     */
    private static final int MOST = 8192;

    private final Consumer<Runnable> after;
    private final Map<Kind, Count> counts = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(final Map.Entry<Kind, Count> eldest) {
            return size() > MOST;
        }
    };

    /** Lines that are counted together. */
    private record Kind(String port, String message) {
    }

    /** The lines of a kind in one period. */
    private static final class Count {
        private long began;
        private int passed;
        private long suppressed;
        private @Nullable ILoggingEvent last;
    }

    LogLimit() {
        this(LogLimit::afterPeriod);
    }

    /**
     * Takes the timer, so that tests can replace it.
     *
     * @param after runs an action after one period
     */
    LogLimit(final Consumer<Runnable> after) {
        this.after = after;
    }

    private static void afterPeriod(final Runnable report) {
        Thread.ofVirtual().start(() -> {
            try {
                Thread.sleep(PERIOD);
                report.run();
            } catch (final InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
    }

    @Override
    public FilterReply decide(final ILoggingEvent event) {
        final Kind kind = kind(event);
        if (!event.getLevel().isGreaterOrEqual(Level.INFO) || Logging.isVerbose(kind.port())) {
            return FilterReply.NEUTRAL;
        }
        final boolean first;
        synchronized (counts) {
            final Count count = counts.computeIfAbsent(kind, _ -> new Count());
            if (event.getTimeStamp() - count.began >= PERIOD.toMillis() && count.suppressed == 0) {
                count.began = event.getTimeStamp();
                count.passed = 0;
            }
            if (count.passed < LINES) {
                count.passed++;
                return FilterReply.NEUTRAL;
            }
            count.last = event;
            first = count.suppressed++ == 0;
        }
        if (first) {
            after.accept(() -> report(kind));
        }
        return FilterReply.DENY;
    }

    private static Kind kind(final ILoggingEvent event) {
        final String port = PortLevels.port(event.getMessage(), event.getArgumentArray());
        return new Kind(port == null ? "" : port,
            JsonLine.event(event).map(reported -> reported.kind().label()).orElseGet(event::getMessage));
    }

    /** Reports the number of suppressed lines of a kind, and lets lines pass again. */
    private void report(final Kind kind) {
        final long suppressed;
        final ILoggingEvent last;
        synchronized (counts) {
            final Count count = counts.remove(kind);
            if (count == null || count.suppressed == 0) {
                return;
            }
            suppressed = count.suppressed;
            last = count.last;
        }
        assert last != null : "a line was suppressed";
        LOG.atLevel(org.slf4j.event.Level.valueOf(last.getLevel().toString()))
            .log("{} more lines like this one were suppressed within {} s: {}", suppressed, PERIOD.toSeconds(),
                last.getFormattedMessage());
    }
}
