package io.ringbridge.control.trace;

import org.jspecify.annotations.Nullable;

import java.time.Instant;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A message of a vhost-user session, or the start or end of a session, as a {@link MessageTrace} keeps it.
 *
 * @param time when the message arrived, or was about to be sent
 * @param name the message's name in the specification; for a number without a name, {@code request} and the number
 * @param bytes the size of the payload
 * @param descriptors the number of descriptors that travelled with it
 * @param values the content in words, in the order of the payload
 * @param why the reason for a result other than {@link Result#OK}, or null
 * @param nanos the time from the arrival of a request to its end; for a request of the back-end, to the front-end's
 *     acknowledgement, if there is one
 * @param times how often a notification was repeated with the same content; 1 for any other message
 */
public record TracedMessage(Instant time, Kind kind, String name, int bytes, int descriptors,
                            Map<String, String> values, Result result, @Nullable String why, long nanos, int times) {
    private static final long NANOS_PER_MICRO = 1000;

    /** The sender of a message and its role. */
    public enum Kind {
        /** A front-end's request. */
        REQUEST,
        /** The back-end's reply. */
        REPLY,
        /** A request that the back-end sent over its own channel. */
        BACKEND_REQUEST,
        /** No message, but the start or the end of a session. */
        SESSION;

        private final String label = name().toLowerCase(Locale.ROOT).replace('_', '-');

        /** Returns the word for output. */
        public String label() {
            return label;
        }
    }

    /** The outcome of a message. */
    public enum Result {
        /** The message is being served, or its acknowledgement is still due. */
        IN_PROGRESS,
        OK,
        /** The receiver has reported a failure to the sender. The session continues. */
        REFUSED,
        /** The message had no use, and the sender did not ask whether it had. */
        IGNORED,
        /** The message has ended the session or the channel. */
        FAILED;

        private final String label = name().toLowerCase(Locale.ROOT).replace('_', '-');

        /** Returns the word for output. */
        public String label() {
            return label;
        }
    }

    /** Returns the content in one line, such as {@code vring=0, size=256}; empty if there is none. */
    public String content() {
        return values.entrySet().stream().map(value -> value.getKey() + "=" + value.getValue())
            .collect(Collectors.joining(", "));
    }

    /** Returns the message without its time in one line, for the log. */
    public String line() {
        final StringBuilder line = new StringBuilder(80).append(kind.label()).append(' ').append(name);
        if (kind != Kind.SESSION) {
            line.append(", ").append(bytes).append(" bytes, ").append(descriptors).append(" descriptors");
        }
        if (!values.isEmpty()) {
            line.append(", ").append(content());
        }
        line.append(": ").append(result.label());
        if (why != null) {
            line.append(": ").append(why);
        }
        if (kind == Kind.REQUEST && result != Result.IN_PROGRESS) {
            line.append(", after ").append(nanos / NANOS_PER_MICRO).append(" us");
        }
        return times == 1 ? line.toString() : line.append(", ").append(times).append(" times").toString();
    }
}
