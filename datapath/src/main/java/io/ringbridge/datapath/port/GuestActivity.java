package io.ringbridge.datapath.port;

import io.ringbridge.datapath.memory.DirtyLog;
import org.jspecify.annotations.Nullable;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;

/** Counts a port's attachments, suspensions, kicks and dirty pages. Any thread may read. */
public final class GuestActivity {
    private final AtomicLong kicks = new AtomicLong();
    private final AtomicLong attachments = new AtomicLong();
    private final AtomicLongArray suspensions = new AtomicLongArray(SuspendCause.values().length);
    private volatile long attachedMillis;
    /** The present log of writes to the guest's memory, and the pages marked in earlier ones. */
    private volatile Logged logged = new Logged(null, 0);

    private record Logged(@Nullable DirtyLog log, long earlierPages) {
        long pages() {
            return earlierPages + (log == null ? 0 : log.markedPages());
        }
    }

    GuestActivity() {
    }

    void attached() {
        kicks.set(0);
        attachedMillis = System.currentTimeMillis();
        attachments.incrementAndGet();
    }

    void suspended(final SuspendCause cause) {
        suspensions.incrementAndGet(cause.ordinal());
    }

    /** Replaces the log. One thread at a time calls. */
    void log(final @Nullable DirtyLog log) {
        logged = new Logged(log, log != null && logged.log() == log ? logged.earlierPages() : logged.pages());
    }

    boolean isLogging() {
        return logged.log() != null;
    }

    /**
     * Returns the time at which the last front-end attached, in milliseconds since 1970; 0 if none has attached to this
     * process.
     */
    public long attachedMillis() {
        return attachedMillis;
    }

    /** Returns the front-ends attached since the start. A session taken over from another process does not count. */
    public long attachments() {
        return attachments.get();
    }

    /** Returns how often a cause was added to those that suspend the port. */
    public long suspensions(final SuspendCause cause) {
        return suspensions.get(cause.ordinal());
    }

    /** Returns the pages of guest memory marked as written in dirty logs since the start. */
    public long dirtyPages() {
        return logged.pages();
    }

    /**
     * Counts kicks of transmit queues. A driver sends none while the worker polls. Any thread may call.
     *
     * @param more the number of kicks; several in quick succession may count as one
     */
    public void countKicks(final long more) {
        kicks.addAndGet(more);
    }

    /** Returns the kicks since the front-end was attached. Several in quick succession may count as one. */
    public long kicks() {
        return kicks.get();
    }
}
