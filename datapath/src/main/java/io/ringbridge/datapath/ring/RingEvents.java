package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.os.EventFd;

/**
 * The descriptors of a virtqueue, and where it asks for translations; each may be null. They stay the session's, which closes them once
 * the worker that owns the queue has acknowledged their replacement.
 *
 * @param kick signalled by the driver when buffers are available; null where the device has to poll
 * @param call signalled by the device when buffers are used; null where the driver polls
 * @param error signalled by the device when the ring is broken
 * @param translations asked for what a ring behind an IOMMU lacks
 */
public record RingEvents(EventFd kick, EventFd call, EventFd error, IotlbRequests translations) {
    /** No descriptor at all. */
    public static final RingEvents NONE = new RingEvents(null, null, null);

    /** The descriptors of a ring that asks for no translations. */
    public RingEvents(final EventFd kick, final EventFd call, final EventFd error) {
        this(kick, call, error, null);
    }
}
