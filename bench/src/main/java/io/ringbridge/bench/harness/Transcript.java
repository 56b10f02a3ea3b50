package io.ringbridge.bench.harness;

import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Everything a program or a console has said so far. One thread appends, any thread waits for what it needs to read. */
public final class Transcript {
    private static final int TAIL = 3000;

    private final String name;
    private final StringBuilder text = new StringBuilder();
    private boolean ended;

    Transcript(final String name) {
        this.name = name;
    }

    /** Reads the stream to its end on a thread of its own. */
    static Transcript of(final String name, final InputStream stream) {
        final Transcript transcript = new Transcript(name);
        Thread.ofVirtual().name("transcript-" + name).start(() -> transcript.readAll(stream));
        return transcript;
    }

    private void readAll(final InputStream stream) {
        final char[] buffer = new char[8192];
        try (Reader reader = new InputStreamReader(stream, StandardCharsets.UTF_8)) {
            for (int n = reader.read(buffer); n >= 0; n = reader.read(buffer)) {
                append(buffer, n);
            }
        } catch (IOException _) {
            // The peer was killed: the end of what it said, like any other.
        } finally {
            end();
        }
    }

    private synchronized void append(final char[] chars, final int length) {
        for (int i = 0; i < length; i++) {
            if (chars[i] != '\r') {
                text.append(chars[i]);
            }
        }
        notifyAll();
    }

    private synchronized void end() {
        ended = true;
        notifyAll();
    }

    synchronized void awaitEnd(final Duration limit) {
        final long start = System.nanoTime();
        for (long left = limit.toNanos(); !ended && left > 0; left = limit.toNanos() - (System.nanoTime() - start)) {
            pause(left);
        }
    }

    /** How much there is so far; a place to search from later. */
    public synchronized int position() {
        return text.length();
    }

    /** What was said from a position to now. */
    public synchronized String since(final int from) {
        return text.substring(from);
    }

    /** The end of it, for error messages. */
    public synchronized String tail() {
        return text.substring(Math.max(0, text.length() - TAIL));
    }

    /**
     * Waits until the pattern is found at or after a position.
     *
     * @throws HarnessException when the limit passes first, or the program ends without having said it
     */
    public synchronized MatchResult await(final Pattern pattern, final int from, final Duration limit) {
        final long start = System.nanoTime();
        while (true) {
            final Matcher matcher = pattern.matcher(text);
            if (matcher.find(from)) {
                return matcher.toMatchResult();
            }
            final long left = limit.toNanos() - (System.nanoTime() - start);
            if (ended || left <= 0) {
                final String why = ended ? " ended without saying " : " did not within " + limit.toSeconds() + " s say ";
                throw new HarnessException(name + why + pattern + "; its last words:\n" + tail());
            }
            pause(left);
        }
    }

    private synchronized void pause(final long nanos) {
        try {
            TimeUnit.NANOSECONDS.timedWait(this, nanos);
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new HarnessException("interrupted while waiting for " + name, e);
        }
    }
}
