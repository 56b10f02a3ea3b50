package io.ringbridge.control.backend;

import io.ringbridge.control.backend.ring.Rings;
import io.ringbridge.control.event.EventKind;
import io.ringbridge.control.event.PortEvents;
import io.ringbridge.control.handover.HandOverSections;
import io.ringbridge.control.handover.Sections;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.ring.Features;

import java.util.Map;
import java.util.Set;

/**
 * The suspension of a device by its front-end. There are three ways: SUSPEND and RESUME, the driver's device status
 * (virtio 1.4, section 2.1), and stopping every ring (vhost-user, "Suspended device state"). The port stores the
 * causes.
 *
 * <p>This class also stores the device status. Once a front-end has set the status, no ring runs without DRIVER_OK.
 *
 * <p>Owned by the session's thread, except for {@link #silences} and {@link #isSuspended}.
 */
final class Suspension {
    private static final long DRIVER_OK = 4;
    private static final long FEATURES_OK = 8;
    private static final long SUSPEND = 16;
    private static final long NEEDS_RESET = 64;

    private final GuestPort port;
    private final PortEvents events;
    private final Rings rings;
    private final int featureBit;
    /** The status that the driver has written, with NEEDS_RESET. {@link #status} adds SUSPEND. */
    private long status;
    private boolean statusKnown;
    private boolean wasReset;
    /** Whether RESET_OWNER has ended a suspension, and the driver has not been ready since. */
    private boolean ownerWasReset;
    private volatile boolean allStopped;

    Suspension(final GuestPort port, final PortEvents events, final Rings rings, final SuspendOptions options) {
        this.port = port;
        this.events = events;
        this.rings = rings;
        featureBit = options.featureBit();
    }

    /** Serves SUSPEND. Returns once every taken frame is delivered or dropped, and its buffer used. */
    void suspend() {
        add(SuspendCause.FRONT_END);
    }

    /** Serves RESUME. */
    void resume() {
        remove(SuspendCause.FRONT_END);
        if (ownerWasReset) {
            ownerWasReset = false;
            rings.setDriverReady(isDriverReady());
        }
    }

    /**
     * Serves RESET_OWNER, which resets only the suspension. The rings of a suspended device stay stopped until the
     * driver is ready again. If no device status is known, each ring waits for a kick instead.
     */
    void resetOwner() {
        if (isSuspendedFromOutside()) {
            ownerWasReset = true;
            if (statusKnown) {
                rings.setDriverReady(false);
            } else {
                rings.awaitKicks();
            }
        }
        clear();
    }

    private boolean isSuspendedFromOutside() {
        final Set<SuspendCause> causes = port.suspendedBy();
        return causes.contains(SuspendCause.FRONT_END) || causes.contains(SuspendCause.DRIVER);
    }

    /**
     * Serves SET_STATUS. SUSPEND suspends the device if it is negotiated and FEATURES_OK is set. While suspended,
     * DRIVER_OK reads 0, and writing it resumes the device. Zero stops the rings but keeps their positions: QEMU 7.2
     * sends it before GET_VRING_BASE.
     *
     * @param features the negotiated virtio features
     */
    void setStatus(final long written, final long features) {
        statusKnown = true;
        wasReset = written == 0;
        if (wasReset) {
            status = 0;
            ownerWasReset = false;
            rings.setDriverReady(false); // before the port may resume
            clear();
            return;
        }
        final boolean wasSuspended = port.suspendedBy().contains(SuspendCause.DRIVER);
        final long bits = written & ~(SUSPEND | NEEDS_RESET) | status & NEEDS_RESET;
        if (wasSuspended) {
            status |= bits;
        } else if ((written & SUSPEND) != 0 && ((status | bits) & FEATURES_OK) != 0
            && Features.has(features, featureBit)) {
            status |= bits;
            add(SuspendCause.DRIVER);
        } else {
            status = bits;
        }
        ownerWasReset &= (written & DRIVER_OK) == 0;
        rings.setDriverReady(isDriverReady());
        if (wasSuspended && (written & DRIVER_OK) != 0) {
            remove(SuspendCause.DRIVER);
        }
    }

    private boolean isDriverReady() {
        return !statusKnown || (status & DRIVER_OK) != 0 && !ownerWasReset;
    }

    /** Forgets the device status, because STATUS is not negotiated any more. Rings run without it. */
    void forgetStatus() {
        if (statusKnown) {
            statusKnown = false;
            rings.setDriverReady(true);
        }
    }

    /** Serves GET_STATUS. While the driver has suspended the device, SUSPEND is set and DRIVER_OK clear. */
    long status() {
        return port.suspendedBy().contains(SuspendCause.DRIVER) ? status & ~DRIVER_OK | SUSPEND : status;
    }

    /**
     * Sets NEEDS_RESET, because a ring broke and only a reset repairs it.
     *
     * @return whether the bit was clear before
     */
    boolean setNeedsReset() {
        final boolean known = (status & NEEDS_RESET) != 0;
        status |= NEEDS_RESET;
        return !known;
    }

    /** Called before GET_VRING_BASE is served. {@code running} is whether any ring runs at that point. */
    void onRingStop(final boolean running) {
        if (running && !wasReset) {
            allStopped = true;
        }
    }

    /**
     * Returns the port's state.
     *
     * @param running whether any ring is started
     * @param kicked whether the front-end has started any ring; it may still lack translations that have to be
     * requested
     */
    PortState state(final boolean running, final boolean kicked) {
        if (running || kicked) {
            allStopped = false;
        }
        return running ? PortState.RUNNING : allStopped ? PortState.SUSPENDED : PortState.CONNECTED;
    }

    /**
     * Whether the front-end must be sent nothing but replies. Ignores an upgrade, which pauses the senders. Any thread
     * may call.
     */
    boolean silences() {
        return allStopped || isSuspended();
    }

    /** Whether the device is suspended, for any cause except an upgrade. Any thread may call. */
    boolean isSuspended() {
        final Set<SuspendCause> causes = port.suspendedBy();
        return causes.size() > (causes.contains(SuspendCause.UPGRADE) ? 1 : 0);
    }

    /** Ends every suspension by the front-end and its driver. */
    void clear() {
        remove(SuspendCause.FRONT_END);
        remove(SuspendCause.DRIVER);
        allStopped = false;
    }

    /** Resets the status and the suspension after RESET_DEVICE has stopped the rings. */
    void reset() {
        clear();
        status = 0;
        ownerWasReset = false;
        rings.setDriverReady(isDriverReady());
    }

    /** Writes the status and the suspension for another process. */
    void save(final StateWriter out) {
        out.section(HandOverSections.STATUS, section -> section.wide(status)
            .flag(statusKnown).flag(wasReset).flag(ownerWasReset).flag(allStopped)
            .flag(port.suspendedBy().contains(SuspendCause.FRONT_END))
            .flag(port.suspendedBy().contains(SuspendCause.DRIVER)));
    }

    /** Restores the status and the suspension from another process. */
    void restore(final Sections sections) {
        final StateReader in = sections.get(HandOverSections.STATUS);
        status = in.wide();
        statusKnown = in.flag();
        wasReset = in.flag();
        ownerWasReset = in.flag();
        allStopped = in.flag();
        rings.setDriverReady(isDriverReady());
        if (in.flag()) {
            port.suspend(SuspendCause.FRONT_END);
        }
        if (in.flag()) {
            port.suspend(SuspendCause.DRIVER);
        }
    }

    private void add(final SuspendCause cause) {
        if (!port.suspendedBy().contains(cause)) {
            port.suspend(cause);
            events.report(EventKind.SUSPENDED, "suspended by the " + cause.label(), Map.of("by", cause.label()));
        }
    }

    private void remove(final SuspendCause cause) {
        if (port.suspendedBy().contains(cause)) {
            port.resume(cause);
            events.report(EventKind.RESUMED, "resumed by the " + cause.label(), Map.of("by", cause.label()));
        }
    }
}
