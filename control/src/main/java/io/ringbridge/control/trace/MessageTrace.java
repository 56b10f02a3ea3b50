package io.ringbridge.control.trace;

import io.ringbridge.control.trace.TracedMessage.Kind;
import io.ringbridge.control.trace.TracedMessage.Result;
import org.jspecify.annotations.Nullable;

import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/**
 * The last messages of a port's vhost-user sessions, over reconnects.
 *
 * <p>Any thread may call. The lock is held only to add, change or copy entries.
 */
public final class MessageTrace {
    /** The most messages kept. */
    public static final int CAPACITY = 256;
    /**
     * The entries in which an equal notification is sought. Front-ends without eventfds send one message per
     * notification, and would otherwise displace everything else. Two queue pairs have eight kinds of them.
     */
    private static final int LOOK_BACK = 8;

    private final Deque<Entry> entries = new ArrayDeque<>(CAPACITY);

    /** A message that is being served. Owned by the thread that serves it. */
    public final class Entry {
        private final Instant time = Instant.now();
        private final long start = System.nanoTime();
        private final Kind kind;
        private final String name;
        private final int bytes;
        private final int descriptors;
        private Map<String, String> values = Map.of();
        private Result result = Result.IN_PROGRESS;
        private @Nullable String why;
        private long nanos;
        private int times = 1;

        private Entry(final Kind kind, final String name, final int bytes, final int descriptors) {
            this.kind = kind;
            this.name = name;
            this.bytes = bytes;
            this.descriptors = descriptors;
        }

        /** Records the content. */
        public void values(final Map<String, String> content) {
            synchronized (entries) {
                values = content;
            }
        }

        /** Records success, unless an earlier result is there. */
        public void succeed() {
            end(Result.OK, null);
        }

        /** Records a result, unless an earlier one is there. */
        public void end(final Result how, final @Nullable String reason) {
            synchronized (entries) {
                if (result == Result.IN_PROGRESS) {
                    result = how;
                    why = reason;
                    nanos = System.nanoTime() - start;
                }
            }
        }

        /** Records success of a notification, and counts it with an equal one if there is one among the last. */
        public void succeedAgain() {
            succeed();
            synchronized (entries) {
                if (entries.peekLast() == this) {
                    merge(this);
                }
            }
        }

        private boolean repeats(final Entry other) {
            return kind == other.kind && name.equals(other.name) && result == other.result
                && values.equals(other.values);
        }

        private TracedMessage copy() {
            return new TracedMessage(time, kind, name, bytes, descriptors, values, result, why, nanos, times);
        }
    }

    private void merge(final Entry last) {
        final Iterator<Entry> backwards = entries.descendingIterator();
        backwards.next();
        for (int i = 0; i < LOOK_BACK && backwards.hasNext(); i++) {
            final Entry earlier = backwards.next();
            if (last.repeats(earlier)) {
                earlier.times++;
                entries.removeLast();
                return;
            }
        }
    }

    /**
     * Adds a message whose content and result are not known yet.
     *
     * @return the entry, to which the caller adds them
     */
    public Entry begin(final Kind kind, final String name, final int bytes, final int descriptors) {
        final Entry entry = new Entry(kind, name, bytes, descriptors);
        synchronized (entries) {
            if (entries.size() == CAPACITY) {
                entries.removeFirst();
            }
            entries.addLast(entry);
        }
        return entry;
    }

    /**
     * Adds the start or the end of a session.
     *
     * @param why the fault that has ended the session, or null
     */
    public void session(final String event, final Map<String, String> values, final @Nullable String why) {
        final Entry entry = begin(Kind.SESSION, event, 0, 0);
        entry.values(values);
        entry.end(why == null ? Result.OK : Result.FAILED, why);
    }

    /** Returns the last messages of the current session, without its start, the oldest first. */
    public List<TracedMessage> lastOfSession(final int most) {
        final List<TracedMessage> last = new ArrayList<>();
        synchronized (entries) {
            final Iterator<Entry> backwards = entries.descendingIterator();
            while (last.size() < most && backwards.hasNext()) {
                final Entry entry = backwards.next();
                if (entry.kind == Kind.SESSION) {
                    break;
                }
                last.add(entry.copy());
            }
        }
        return last.reversed();
    }

    /** Returns the last messages of all sessions, the oldest first. */
    public List<TracedMessage> last(final int most) {
        final List<TracedMessage> last = new ArrayList<>();
        synchronized (entries) {
            int skip = Math.max(0, entries.size() - most);
            for (final Entry entry : entries) {
                if (skip-- <= 0) {
                    last.add(entry.copy());
                }
            }
        }
        return last;
    }
}
