package io.ringbridge.control.backend.ring;

import io.ringbridge.datapath.memory.DirtyLog;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.RingAddresses;
import io.ringbridge.datapath.ring.RingConfig;
import io.ringbridge.datapath.ring.RingEvents;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.OptionalInt;

/**
 * The virtqueues of one session's device, by index. The meaning of an index depends on the features (virtio 1.2,
 * section 5.1.2).
 *
 * <pre>
 *              without MQ                  with MQ, N queue pairs
 *  vring       0 and 1    2                0 to 2N-1   2N
 *              pair 0     control queue    pairs       control queue, if CTRL_VQ is negotiated
 * </pre>
 *
 * <p>The port's workers serve the pairs, and the session's thread serves the control queue. Some front-ends serve the
 * control queue themselves, and do not start it here. While it runs here, the driver sets the number of pairs in use
 * with it. Owned by the session's thread.
 */
public final class DeviceQueues {
    private static final Logger LOG = LoggerFactory.getLogger(DeviceQueues.class);
    private static final int NONE = -1;

    private final GuestPort port;
    private final int limit;
    private final boolean[] enabled;
    private final ControlQueue control = new ControlQueue(this::usePairs);
    private boolean controlStarted;
    private int controlIndex = NONE;
    private int dataLimit;
    private boolean known;
    /** The number of pairs in use, as set by the driver. */
    private int pairs;

    public DeviceQueues(final GuestPort port, final long offered) {
        this.port = port;
        dataLimit = 2 * port.queuePairs();
        limit = dataLimit + (Features.has(offered, Features.CTRL_VQ) ? 1 : 0);
        enabled = new boolean[limit];
        pairs = port.queuePairs();
    }

    /** Returns the largest number of virtqueues. */
    int limit() {
        return limit;
    }

    /**
     * Returns the number of indices that messages may name now. These are all at first; once features are known, those
     * of the port's pairs, and of the control queue if it is negotiated.
     */
    int indexCount() {
        return known ? Math.max(2 * port.queuePairs(), controlIndex + 1) : limit;
    }

    GuestPort port() {
        return port;
    }

    /** Sets the negotiated features. No ring may be running whose meaning this changes. */
    void features(final long negotiated) {
        known = true;
        final boolean many = Features.has(negotiated, Features.MQ);
        dataLimit = many ? 2 * port.queuePairs() : Math.min(2, 2 * port.queuePairs());
        controlIndex = Features.has(negotiated, Features.CTRL_VQ) && dataLimit < limit ? dataLimit : NONE;
        enableAll();
    }

    /** Forgets the features: an index may again be of either kind. */
    void reset() {
        known = false;
        controlIndex = NONE;
        dataLimit = 2 * port.queuePairs();
    }

    boolean isControl(final int index) {
        return index == controlIndex;
    }

    /** Whether a ring of this index is served, as far as is known. */
    boolean serves(final int index) {
        return index < dataLimit || isControl(index);
    }

    private boolean isEnabled(final int index) {
        return enabled[index] && index < dataLimit && index < 2 * pairs;
    }

    private void enableAll() {
        for (int i = 0; i < 2 * port.queuePairs(); i++) {
            if (port.queues().get(i).enabled() != isEnabled(i)) {
                port.enableRing(i, isEnabled(i));
            }
        }
    }

    private boolean usePairs(final int wanted) {
        if (wanted < 1 || 2 * wanted > dataLimit) {
            return false;
        }
        pairs = wanted;
        enableAll();
        return true;
    }

    boolean started(final int index) {
        return isControl(index) ? control.isStarted() : port.queues().get(index).started();
    }

    void startRing(final int index, final RingConfig config, final RingEvents events) {
        if (isControl(index)) {
            LOG.info("port {}: vring {} is the control queue", port.name(), index);
            control.start(config, events);
            controlStarted = true;
            usePairs(1); // the initial number for every driver (virtio 1.2, section 5.1.6.5.5)
        } else {
            port.startRing(index, config, events);
        }
    }

    int stopRing(final int index) {
        if (!isControl(index)) {
            return port.stopRing(index);
        }
        controlStarted = false;
        pairs = port.queuePairs();
        enableAll();
        return control.stop();
    }

    void enableRing(final int index, final boolean on) {
        enabled[index] = on;
        if (index < 2 * port.queuePairs()) {
            port.enableRing(index, isEnabled(index));
        }
    }

    void ringEvents(final int index, final RingEvents events) {
        if (isControl(index)) {
            control.events(events);
        } else {
            port.setRingEvents(index, events);
        }
    }

    void remap(final GuestMemory memory, final @Nullable RingAddresses[] addresses) {
        final @Nullable RingAddresses[] places = addresses.clone();
        if (controlIndex != NONE) {
            control.remap(memory, places[controlIndex]);
            places[controlIndex] = null;
        }
        port.remap(memory, places);
    }

    void translations(final GuestMemory memory, final long first, final long last) {
        control.translations(memory, first, last);
        port.addTranslations(memory, first, last);
    }

    public void log(final @Nullable DirtyLog log, final @Nullable EventFd changed) {
        control.log(log, changed);
        port.setLog(log, changed);
    }

    OptionalInt position(final int index) {
        if (!isControl(index)) {
            return port.position(index);
        }
        return control.isStarted() ? OptionalInt.of(control.base()) : OptionalInt.empty();
    }

    /** Returns the number of pairs in use, for another process. */
    int pairs() {
        return pairs;
    }

    /** Sets the number of pairs that were in use in another process. */
    void pairs(final int used) {
        usePairs(used);
    }

    /** Returns the event that the driver kicks for the control queue, or null if there is none. */
    public @Nullable EventFd kick() {
        return control.kick();
    }

    /** Answers the driver's commands, unless the port is suspended or the control queue disabled. */
    public void serveControl() {
        if (!controlStarted) {
            return;
        }
        if (control.kick() != null) {
            control.kick().drain();
        }
        synchronized (port) { // nothing may be written once the port is suspended
            final String fault = enabled[controlIndex] && port.suspendedBy().isEmpty() ? control.serve() : null;
            if (fault != null) {
                controlStarted = false;
                LOG.warn("port {}: the control queue is broken: {}", port.name(), fault);
            }
        }
    }

    /** Detaches the port, and stops the control queue. */
    public void detach() {
        controlStarted = false;
        control.stop();
        control.log(null, null);
        port.detach();
    }
}
