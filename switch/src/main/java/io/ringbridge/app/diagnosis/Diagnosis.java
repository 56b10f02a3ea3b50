package io.ringbridge.app.diagnosis;

import io.ringbridge.app.diagnosis.Finding.Kind;
import io.ringbridge.datapath.port.PortState;

import java.util.concurrent.TimeUnit;

/**
 * Finds out what keeps one guest's port from working, from one look at it after the other. Owned by one thread.
 *
 * <p>Each rule is made to stay silent if there is doubt: a healthy guest may kick in vain now and then, be idle for
 * hours, or take a minute to boot.
 */
final class Diagnosis {
    /** Kicks in vain are legitimate, one at a time: QEMU kicks each queue when it hands it over. */
    private static final int KICKS_IN_VAIN = 2;
    private static final long SETTLED_NANOS = TimeUnit.SECONDS.toNanos(2);
    private static final long STARVED_NANOS = TimeUnit.SECONDS.toNanos(3);
    /** After that long without a frame that was dropped, nobody knows whether the guest has buffers again. */
    private static final long QUIET_NANOS = TimeUnit.SECONDS.toNanos(30);
    private static final long NEVER = Long.MIN_VALUE;

    private PortReading last;
    private long stateSince;
    private long starvedSince = NEVER;
    private long starvedFrom;
    private long lastDropped;

    /**
     * Takes another look.
     *
     * @param nanos when
     * @return what is wrong, or null
     */
    Finding look(final PortReading now, final long nanos) {
        final PortReading before = last == null ? now : last;
        if (last == null || before.state() != now.state()) {
            stateSince = nanos;
        }
        follow(before, now, nanos);
        last = now;
        final boolean settled = nanos - stateSince >= SETTLED_NANOS;
        return switch (now.state()) {
            case SUSPENDED -> suspended(now);
            case CONNECTED -> settled ? notStarted(now) : null;
            case RUNNING -> settled ? running(now) : null;
            case WAITING, FAILED -> null;
        };
    }

    /** Follows for how long frames have come without one that found a buffer. */
    private void follow(final PortReading before, final PortReading now, final long nanos) {
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
            ? new Finding(Kind.SUSPENDED, "the front-end has stopped every ring: is the machine paused?")
            : new Finding(Kind.SUSPENDED, "suspended by the " + String.join(" and the ", now.suspendedBy()));
    }

    private static Finding notStarted(final PortReading now) {
        return new Finding(Kind.DRIVER_NOT_STARTED, now.negotiated()
            ? "features are negotiated, and the front-end has not started a ring: is the guest's driver still starting?"
            : "the guest's driver has not started: is the machine still booting, paused, or without a virtio-net "
                + "driver?");
    }

    private Finding running(final PortReading now) {
        if (!now.enabled()) {
            return new Finding(Kind.RINGS_NOT_ENABLED,
                "rings are started, and none is enabled: the front-end has to send SET_VRING_ENABLE");
        }
        if (now.taken() == 0 && now.delivered() == 0 && now.kicks() >= KICKS_IN_VAIN) {
            return new Finding(Kind.MEMORY_NOT_SHARED,
                "the guest notifies, but its rings stay empty: is its memory shared (share=on)?");
        }
        if (starvedSince != NEVER && lastDropped - starvedSince >= STARVED_NANOS) {
            return new Finding(Kind.NO_RECEIVE_BUFFERS, "the guest gives no receive buffers, and "
                + (now.unbuffered() - starvedFrom) + " frames in a row were dropped: is its interface down, or the "
                + "machine stopped?");
        }
        return null;
    }
}
