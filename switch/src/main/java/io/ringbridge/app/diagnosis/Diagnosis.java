package io.ringbridge.app.diagnosis;

import io.ringbridge.app.diagnosis.Finding.Kind;
import io.ringbridge.datapath.port.PortState;
import org.jspecify.annotations.Nullable;

import java.util.concurrent.TimeUnit;

/**
 * Diagnoses the port of one guest from successive readings. Owned by one thread.
 *
 * <p>Each rule stays silent in case of doubt: a healthy guest may occasionally kick without a frame, be idle for hours,
 * or take a minute to boot.
 */
final class Diagnosis {
    /** A single kick without a frame is legitimate: QEMU kicks each queue when it passes it to the back-end. */
    private static final int EMPTY_KICKS = 2;
    private static final long SETTLED_NANOS = TimeUnit.SECONDS.toNanos(2);
    private static final long STARVED_NANOS = TimeUnit.SECONDS.toNanos(3);
    /** After this time without a dropped frame, it is unknown whether the guest has buffers again. */
    private static final long QUIET_NANOS = TimeUnit.SECONDS.toNanos(30);
    private static final long NEVER = Long.MIN_VALUE;

    private @Nullable PortReading last;
    private long stateSince;
    private long starvedSince = NEVER;
    private long starvedFrom;
    private long lastDropped;

    /**
     * Examines another reading.
     *
     * @param nanos the current time
     * @return the problem, or null
     */
    @Nullable Finding examine(final PortReading now, final long nanos) {
        final PortReading before = last == null ? now : last;
        if (last == null || before.state() != now.state()) {
            stateSince = nanos;
        }
        trackStarvation(before, now, nanos);
        last = now;
        final boolean settled = nanos - stateSince >= SETTLED_NANOS;
        return switch (now.state()) {
            case SUSPENDED -> suspended(now);
            case CONNECTED -> settled ? notStarted(now) : null;
            case RUNNING -> settled ? running(now) : null;
            case WAITING, FAILED -> null;
        };
    }

    /** Tracks the time during which no frame for the guest has found a buffer. */
    private void trackStarvation(final PortReading before, final PortReading now, final long nanos) {
        final boolean dropped = now.unbuffered() > before.unbuffered();
        final boolean received = now.delivered() != before.delivered();
        if (now.state() != PortState.RUNNING || received || now.unbuffered() < before.unbuffered()) {
            starvedSince = NEVER;
        } else if (dropped && starvedSince == NEVER) {
            starvedSince = nanos;
            starvedFrom = before.unbuffered();
        } else if (!dropped && starvedSince != NEVER && nanos - lastDropped >= QUIET_NANOS) {
            starvedSince = NEVER;
        }
        lastDropped = dropped ? nanos : lastDropped;
    }

    private static Finding suspended(final PortReading now) {
        return now.suspendedBy().isEmpty()
            ? new Finding(Kind.SUSPENDED, "the front-end has stopped every ring: is the virtual machine paused?")
            : new Finding(Kind.SUSPENDED, "suspended by the " + String.join(" and the ", now.suspendedBy()));
    }

    private static Finding notStarted(final PortReading now) {
        return new Finding(Kind.DRIVER_NOT_STARTED, now.negotiated()
            ? "features are negotiated, but the front-end has not started a ring: is the guest's driver still starting?"
            : "the guest's driver has not started: is the virtual machine still booting, paused, or without a "
                + "virtio-net driver?");
    }

    private @Nullable Finding running(final PortReading now) {
        if (!now.enabled()) {
            return new Finding(Kind.RINGS_NOT_ENABLED,
                "rings are started, but none is enabled: the front-end has to send SET_VRING_ENABLE");
        }
        if (now.taken() == 0 && now.delivered() == 0 && now.kicks() >= EMPTY_KICKS) {
            return new Finding(Kind.MEMORY_NOT_SHARED,
                "the guest sends kicks, but its rings stay empty: is its memory shared (share=on)?");
        }
        if (starvedSince != NEVER && lastDropped - starvedSince >= STARVED_NANOS) {
            return new Finding(Kind.NO_RECEIVE_BUFFERS, "the guest provides no receive buffers, and "
                + (now.unbuffered() - starvedFrom) + " consecutive frames were dropped: is its interface down, or the "
                + "virtual machine stopped?");
        }
        return null;
    }
}
