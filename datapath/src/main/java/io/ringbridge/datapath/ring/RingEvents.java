package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.os.EventFd;
import org.jspecify.annotations.Nullable;

/**
 * The event descriptors of a virtqueue, and the receiver of its IOTLB requests. Each may be null. The session owns the
 * descriptors, and closes them once the queue's worker has acknowledged their replacement.
 *
 * @param kick signalled by the driver when buffers are available; null if the device must poll
 * @param call signalled by the device when buffers are used; null if the driver polls
 * @param error signalled by the device when the ring is broken
 * @param translations receives the requests of a ring behind an IOMMU
 */
public record RingEvents(@Nullable EventFd kick, @Nullable EventFd call, @Nullable EventFd error,
                         @Nullable IotlbRequests translations) {
    /** A ring without event descriptors. */
    public static final RingEvents NONE = new RingEvents(null, null, null);

    /** Creates the descriptors of a ring that requests no translations. */
    public RingEvents(final @Nullable EventFd kick, final @Nullable EventFd call, final @Nullable EventFd error) {
        this(kick, call, error, null);
    }
}
