package io.ringbridge.control.event;

import org.slf4j.event.Level;

import java.util.Locale;

/** The kinds of events. */
public enum EventKind {
    /** The port was added, and its socket, device or files are open. */
    OPENED(Level.INFO),
    /**
     * A front-end is attached, or the session with it was taken over from another process; or the port is attached to
     * its back-end.
     */
    ATTACHED(Level.INFO),
    /** The front-end has chosen virtio features. */
    NEGOTIATED(Level.INFO),
    /** The first ring of a guest runs, after none has. */
    RUNNING(Level.INFO),
    /** The front-end has stopped every ring. */
    STOPPED(Level.INFO),
    /** The port was suspended, for one more cause. */
    SUSPENDED(Level.INFO),
    /** A cause of suspension has ended. */
    RESUMED(Level.INFO),
    /** The front-end has closed its connection. */
    DETACHED(Level.INFO),
    /** The front-end was detached because the port closes. */
    CLOSED(Level.INFO),
    /**
     * The session with a front-end, or the device or the back-end of an uplink, has failed. The front-end is detached.
     */
    FAILED(Level.WARN),
    /** The device or the back-end of an uplink works again. */
    RECOVERED(Level.INFO),
    /** A setting of the port has changed. */
    CHANGED(Level.INFO),
    /** The port was removed. */
    REMOVED(Level.INFO),
    /** A station was seen at another port than before. */
    STATION_MOVED(Level.INFO),
    /** Something keeps the port from working. */
    PROBLEM(Level.WARN),
    /** A mirror copies frames to a port from now on. */
    MIRROR_ADDED(Level.INFO),
    /** A mirror has ended. */
    MIRROR_REMOVED(Level.INFO),
    /** Another process has taken over the ports, or this process has. */
    UPGRADED(Level.INFO),
    /** A worker has failed, and continues. */
    WORKER_FAILED(Level.ERROR),
    /** A subscriber was too slow: events were overwritten before it read them. Never logged. */
    LOST(Level.WARN);

    private final Level level;

    EventKind(final Level level) {
        this.level = level;
    }

    /** Returns the level of the log line. */
    public Level level() {
        return level;
    }

    /** Returns the word for output. */
    public String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
