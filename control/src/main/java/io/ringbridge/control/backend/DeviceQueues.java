package io.ringbridge.control.backend;

import io.ringbridge.datapath.memory.DirtyLog;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.RingAddresses;
import io.ringbridge.datapath.ring.RingConfig;
import io.ringbridge.datapath.ring.RingEvents;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.OptionalInt;

/**
 * The virtqueues of one session's device by their index, which means what was negotiated (virtio 1.2, section 5.1.2).
 *
 * <pre>
 *              without MQ                  with MQ, N queue pairs
 *  vring       0 and 1    2                0 to 2N-1   2N
 *              pair 0     control queue    pairs       control queue, if CTRL_VQ is negotiated
 * </pre>
 *
 * <p>The port's workers serve the pairs, and the session's thread serves the control queue. Front-ends that serve it themselves do not
 * hand it on. While it runs here, its driver decides by it how many pairs are used. Owned by the session's thread.
 */
final class DeviceQueues {
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
    /** The pairs in use by the driver's word. */
    private int pairs;

    /** Makes those of a port that offers these virtio features, with or without a control queue. */
    DeviceQueues(final GuestPort port, final long offered) {
        this.port = port;
        dataLimit = 2 * port.queuePairs();
        limit = dataLimit + (Features.has(offered, Features.CTRL_VQ) ? 1 : 0);
        enabled = new boolean[limit];
        pairs = port.queuePairs();
    }

    /** How many there may be. */
    int limit() {
        return limit;
    }

    /** How many indices may be named now: all at first, then those of the port's pairs, and the control queue's if it is negotiated. */
    int named() {
        return known ? Math.max(2 * port.queuePairs(), controlIndex + 1) : limit;
    }

    GuestPort port() {
        return port;
    }

    /** Takes over what was negotiated, while no ring runs whose meaning that changes. */
    void features(final long negotiated) {
        known = true;
        final boolean many = Features.has(negotiated, Features.MQ);
        dataLimit = many ? 2 * port.queuePairs() : Math.min(2, 2 * port.queuePairs());
        controlIndex = Features.has(negotiated, Features.CTRL_VQ) && dataLimit < limit ? dataLimit : NONE;
        enableAll();
    }

    /** Gives every index both meanings again. */
    void reset() {
        known = false;
        controlIndex = NONE;
        dataLimit = 2 * port.queuePairs();
    }

    boolean isControl(final int index) {
        return index == controlIndex;
    }

    /** Whether anybody serves a ring of this index, as far as is known. */
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
            usePairs(1); // as every driver finds it (virtio 1.2, section 5.1.6.5.5)
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
            port.ringEvents(index, events);
        }
    }

    void remap(final GuestMemory memory, final RingAddresses[] addresses) {
        final RingAddresses[] places = addresses.clone();
        if (controlIndex != NONE) {
            control.remap(memory, places[controlIndex]);
            places[controlIndex] = null;
        }
        port.remap(memory, places);
    }

    void translations(final GuestMemory memory, final long first, final long last) {
        control.translations(memory, first, last);
        port.translations(memory, first, last);
    }

    void log(final DirtyLog log, final EventFd changed) {
        control.log(log, changed);
        port.log(log, changed);
    }

    OptionalInt position(final int index) {
        return !isControl(index) ? port.position(index) : control.isStarted() ? OptionalInt.of(control.base()) : OptionalInt.empty();
    }

    /** The pairs in use, for another process. */
    int pairs() {
        return pairs;
    }

    /** Takes over the pairs in use in another process. */
    void pairs(final int used) {
        usePairs(used);
    }

    /** Returns what the control queue's driver kicks, or null if nothing. */
    EventFd kick() {
        return control.kick();
    }

    /** Answers the driver's commands, if it may be answered. */
    void serveControl() {
        if (!controlStarted) {
            return;
        }
        if (control.kick() != null) {
            control.kick().drain();
        }
        synchronized (port) { // so that nothing is written once the port has been suspended
            final String fault = enabled[controlIndex] && port.suspendedBy().isEmpty() ? control.serve() : null;
            if (fault != null) {
                controlStarted = false;
                LOG.warn("port {}: the control queue is broken: {}", port.name(), fault);
            }
        }
    }

    /** Leaves the port as if nobody had been there. */
    void detach() {
        controlStarted = false;
        control.stop();
        control.log(null, null);
        port.detach();
    }
}
