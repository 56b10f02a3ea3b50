package io.ringbridge.bench.peer;

import io.ringbridge.bench.machine.BenchException;

import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The recorded output of a program or a console. One thread appends. Any thread may read, and wait for output. */
public final class Transcript {
    private static final int TAIL = 3000;

    private final String name;
    private final StringBuilder text = new StringBuilder();
    private boolean ended;

    private Transcript(final String name) {
        this.name = name;
    }

    /** Records a stream to its end, on a new thread. */
    public static Transcript of(final String name, final InputStream stream) {
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
            // A killed peer ends its output like any other peer.
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
            waitForOutput(left);
        }
    }

    /** Returns the current end of the output, from which to search later. */
    public synchronized int position() {
        return text.length();
    }

    /** Returns the output since a position. */
    public synchronized String since(final int from) {
        return text.substring(from);
    }

    /** Returns the end of the output, for error messages. */
    public synchronized String tail() {
        return text.substring(Math.max(0, text.length() - TAIL));
    }

    /**
     * Waits until the pattern is found at or after a position.
     *
     * @throws BenchException if the limit passes first, or the output ends without a match
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
                final String why = ended ? " ended its output without a match for "
                    : " printed within " + limit.toSeconds() + " s no match for ";
                throw new BenchException(name + why + pattern + "; end of its output:\n" + tail());
            }
            waitForOutput(left);
        }
    }

    private synchronized void waitForOutput(final long nanos) {
        try {
            TimeUnit.NANOSECONDS.timedWait(this, nanos);
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new BenchException("interrupted while waiting for " + name, e);
        }
    }
}
