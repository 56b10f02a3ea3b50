package io.ringbridge.control.backend;

import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.ring.Features;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.Set;

/**
 * What one front-end says about suspending its device, in either of three ways: with SUSPEND and RESUME, with the device status of its
 * driver (virtio 1.4, section 2.1), or by stopping every ring (vhost-user, "Suspended device state"). The port keeps the causes.
 *
 * <p>Keeps the device status, and with it whether the driver is ready: once a front-end has set the status, no ring runs without DRIVER_OK.
 *
 * <p>Owned by the session's thread, but for {@link #silences} and {@link #isSuspended}.
 */
final class Suspension {
    private static final Logger LOG = LoggerFactory.getLogger(Suspension.class);
    private static final long DRIVER_OK = 4;
    private static final long FEATURES_OK = 8;
    private static final long SUSPEND = 16;
    private static final long NEEDS_RESET = 64;

    private final GuestPort port;
    private final Rings rings;
    private final int featureBit;
    /** As the driver has written it, and NEEDS_RESET; SUSPEND is applied where it is read. */
    private long status;
    private boolean statusKnown;
    private boolean wasReset;
    /** Whether RESET_OWNER has ended a suspension, and the driver has not been ready since. */
    private boolean ownerWasReset;
    private volatile boolean allStopped;

    Suspension(final GuestPort port, final Rings rings, final SuspendOptions options) {
        this.port = port;
        this.rings = rings;
        featureBit = options.featureBit();
    }

    /** SUSPEND: returns when every frame that was taken is delivered or dropped, and its buffer given back. */
    void suspend() {
        add(SuspendCause.FRONT_END);
    }

    /** RESUME. */
    void resume() {
        remove(SuspendCause.FRONT_END);
        if (ownerWasReset) {
            ownerWasReset = false;
            rings.driverReady(isDriverReady());
        }
    }

    /**
     * RESET_OWNER. Of what it could reset only suspension is, and a device that was suspended stays as silent: rings run once the driver
     * is ready again or, if no device status is known, once each is kicked again.
     */
    void resetOwner() {
        if (isSuspendedFromOutside()) {
            ownerWasReset = true;
            if (statusKnown) {
                rings.driverReady(false);
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
     * SET_STATUS. SUSPEND counts if it is negotiated and FEATURES_OK is set; DRIVER_OK ends it, since it reads 0 meanwhile. Zero stops the
     * rings where they are, and keeps their positions: QEMU 7.2 sends it before GET_VRING_BASE.
     *
     * @param features the negotiated virtio features
     */
    void status(final long written, final long features) {
        statusKnown = true;
        wasReset = written == 0;
        if (wasReset) {
            status = 0;
            ownerWasReset = false;
            rings.driverReady(false); // before it may run again
            clear();
            return;
        }
        final boolean wasSuspended = port.suspendedBy().contains(SuspendCause.DRIVER);
        final long bits = written & ~(SUSPEND | NEEDS_RESET) | status & NEEDS_RESET;
        if (wasSuspended) {
            status |= bits;
        } else if ((written & SUSPEND) != 0 && ((status | bits) & FEATURES_OK) != 0 && Features.has(features, featureBit)) {
            status |= bits;
            add(SuspendCause.DRIVER);
        } else {
            status = bits;
        }
        ownerWasReset &= (written & DRIVER_OK) == 0;
        rings.driverReady(isDriverReady());
        if (wasSuspended && (written & DRIVER_OK) != 0) {
            remove(SuspendCause.DRIVER);
        }
    }

    private boolean isDriverReady() {
        return !statusKnown || (status & DRIVER_OK) != 0 && !ownerWasReset;
    }

    /** The device status is not negotiated any more: rings run without. */
    void statusNotNegotiated() {
        if (statusKnown) {
            statusKnown = false;
            rings.driverReady(true);
        }
    }

    /** GET_STATUS: SUSPEND and not DRIVER_OK while the driver has the device suspended. */
    long status() {
        return port.suspendedBy().contains(SuspendCause.DRIVER) ? status & ~DRIVER_OK | SUSPEND : status;
    }

    /**
     * Notes that a ring broke, from which only a reset helps.
     *
     * @return whether that was not known
     */
    boolean needsReset() {
        final boolean known = (status & NEEDS_RESET) != 0;
        status |= NEEDS_RESET;
        return !known;
    }

    /** GET_VRING_BASE comes; {@code running} says whether any ring runs before it. */
    void ringStops(final boolean running) {
        if (running && !wasReset) {
            allStopped = true;
        }
    }

    /**
     * How far the port has come.
     *
     * @param running whether any ring is started
     * @param kicked whether any is as far as the front-end can tell; what it lacks then may have to be asked for
     */
    PortState state(final boolean running, final boolean kicked) {
        if (running || kicked) {
            allStopped = false;
        }
        return running ? PortState.RUNNING : allStopped ? PortState.SUSPENDED : PortState.CONNECTED;
    }

    /** Whether the front-end is sent nothing but replies; not for an upgrade, which sees to that itself. Any thread may ask. */
    boolean silences() {
        return allStopped || isSuspended();
    }

    /** Whether the device is suspended, for whatever cause but an upgrade. Any thread may ask. */
    boolean isSuspended() {
        final Set<SuspendCause> causes = port.suspendedBy();
        return causes.size() > (causes.contains(SuspendCause.UPGRADE) ? 1 : 0);
    }

    /** Takes back what this front-end and its driver have said of suspending. */
    void clear() {
        remove(SuspendCause.FRONT_END);
        remove(SuspendCause.DRIVER);
        allStopped = false;
    }

    /** After RESET_DEVICE has stopped the rings. */
    void reset() {
        clear();
        status = 0;
        ownerWasReset = false;
        rings.driverReady(isDriverReady());
    }

    /** Writes down what was said, for another process. */
    void save(final StateWriter out) {
        out.wide(status).flag(statusKnown).flag(wasReset).flag(ownerWasReset).flag(allStopped);
        out.flag(port.suspendedBy().contains(SuspendCause.FRONT_END)).flag(port.suspendedBy().contains(SuspendCause.DRIVER));
    }

    /** Takes over what was said to another process. */
    void restore(final StateReader in) {
        status = in.wide();
        statusKnown = in.flag();
        wasReset = in.flag();
        ownerWasReset = in.flag();
        allStopped = in.flag();
        rings.driverReady(isDriverReady());
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
            LOG.info("port {}: suspended by the {}", port.name(), cause.label());
        }
    }

    private void remove(final SuspendCause cause) {
        if (port.suspendedBy().contains(cause)) {
            port.resume(cause);
            LOG.info("port {}: resumed by the {}", port.name(), cause.label());
        }
    }
}
