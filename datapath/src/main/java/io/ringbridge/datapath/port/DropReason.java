package io.ringbridge.datapath.port;

import java.util.Locale;

/**
 * The reason why a frame, or a descriptor chain that should contain one, was dropped. Each queue counts every reason.
 */
public enum DropReason {
    /**
     * The chain's descriptors are out of bounds, loop, point outside the guest's memory, or have the wrong direction.
     */
    BAD_DESCRIPTOR,
    /** Shorter than the virtio-net header and an Ethernet header. */
    SHORT_FRAME,
    /** Longer than the longest frame that any port accepts. */
    OVERSIZE_FRAME,
    /** The virtio-net header asks for an offload that does not fit the frame. */
    BAD_OFFLOAD,
    /** A local sender left the frame's offloads to the interface, and the switch cannot do them. */
    UNFINISHED,
    /** The frame ends within its VLAN tag. */
    VLAN_MALFORMED,
    /**
     * The frame arrived on an access port with a tag that names a VLAN. Or it would leave a trunk without its priority
     * tag, and the next tag would then name its VLAN.
     */
    VLAN_TAGGED,
    /** The frame arrived on a trunk without a native VLAN and has no tag that names a VLAN. */
    VLAN_UNTAGGED,
    /** The port is not in the frame's VLAN. */
    VLAN_NOT_ALLOWED,
    /** The destination is a reserved group, 01:80:c2:00:00:00 to 0f, that the ingress port does not relay. */
    RESERVED_GROUP,
    /** The transmit queue is started but disabled. */
    QUEUE_DISABLED,
    /** The destination is behind the port from which the frame came. */
    SAME_PORT,
    /** The destination port accepts no frames, or it is down, and the frame is not flooded. */
    NO_RECEIVER,
    /** Another worker, which should receive a copy of a flooded frame, is too far behind. */
    FRAME_RING_FULL,
    /** The destination port is suspended. */
    PORT_SUSPENDED,
    /** Longer than the MTU of the egress port. For a frame that will be segmented, the segments are too long. */
    MTU_EXCEEDED,
    /**
     * The frame needed more segments than the switch makes of one frame. The segments up to the limit were delivered.
     */
    SEGMENT_LIMIT,
    /** The receive queue has no buffer, or the uplink's queue is full. */
    NO_BUFFER,
    /** The receive queue's next buffer is behind an IOMMU, and the front-end has not sent its translation yet. */
    NO_TRANSLATION,
    /**
     * The receive queue, or its next buffer, is in a page of guest memory that has not arrived from another host yet.
     */
    PAGE_TO_COME,
    /**
     * The receive buffer is smaller than the frame, and buffers may not be merged. Or the receive queue's buffers have
     * so many descriptors for so few bytes that filling them exceeded the queue's share of its worker.
     */
    SMALL_BUFFER,
    /**
     * The receive buffer's descriptors are out of bounds, loop, point outside guest memory, or have the wrong
     * direction.
     */
    BAD_BUFFER,
    /** The tap device is down. */
    LINK_DOWN,
    /** The kernel did not accept the frame from an uplink. */
    REFUSED,
    /** The capture contains only the start of the frame. */
    TRUNCATED,
    /** Frames arrived on an interface faster than the switch took them. */
    OVERRUN;

    private static final DropReason[] ALL = values();

    private final String label = name().toLowerCase(Locale.ROOT).replace('_', '-');

    /** Returns the reason with an ordinal. */
    public static DropReason at(final int ordinal) {
        return ALL[ordinal];
    }

    /** Returns the word for output. */
    public String label() {
        return label;
    }
}
