package io.ringbridge.datapath.port;

import java.util.Locale;

/** Why a frame, or a descriptor chain that was to be one, went no further. Each queue counts every reason. */
public enum DropReason {
    /** The chain's descriptors are out of bounds, loop, point outside the guest's memory, or are of the wrong direction. */
    BAD_DESCRIPTOR,
    /** Shorter than the virtio-net header and an Ethernet header. */
    SHORT_FRAME,
    /** Longer than any port takes. */
    OVERSIZE_FRAME,
    /** The virtio-net header asks for what its frame does not bear out. */
    BAD_OFFLOAD,
    /** A sender on this machine left the frame to an interface unfinished, in a way that the switch cannot finish. */
    UNFINISHED,
    /** Its tag is cut off. */
    VLAN_MALFORMED,
    /**
     * It has a tag that names a VLAN, and came in by an access port; or it would leave a trunk without its priority
     * tag, and the tag behind that would name its VLAN.
     */
    VLAN_TAGGED,
    /** It has no tag, or one that names no VLAN, and came in by a trunk without a native VLAN. */
    VLAN_UNTAGGED,
    /** Its VLAN is not one of those that the port is in. */
    VLAN_NOT_ALLOWED,
    /** It goes to a reserved group, 01:80:c2:00:00:00 to 0f, that its port does not relay. */
    RESERVED_GROUP,
    /** The transmit queue is started but disabled. */
    QUEUE_DISABLED,
    /** The destination is the port it came from. */
    SAME_PORT,
    /** The destination port takes no frames, or it is down, and the frame is not flooded. */
    NO_RECEIVER,
    /** Another worker, which was to have a copy of a flooded frame, is too far behind. */
    FRAME_RING_FULL,
    /** The destination port is suspended. */
    PORT_SUSPENDED,
    /** Longer than the MTU of the port it was to leave by; of a frame that is to be cut, its segments. */
    MTU_EXCEEDED,
    /**
     * The frame had to be cut into more segments than the switch makes of one. Those up to the limit were delivered.
     */
    SEGMENT_LIMIT,
    /** The receive queue has no buffer, or the uplink's queue is full. */
    NO_BUFFER,
    /** The receive queue's next buffer is behind an IOMMU, and the front-end has yet to say where. */
    NO_TRANSLATION,
    /** The receive queue, or its next buffer, is in a page of the guest's memory that is still on its way from another host. */
    PAGE_TO_COME,
    /**
     * The receive buffer is smaller than the frame, and buffers may not be merged; or the receive queue's buffers have so many
     * descriptors for so few bytes that filling them has taken more than the queue's share of its worker.
     */
    SMALL_BUFFER,
    /** The receive queue's descriptors are out of bounds, loop, point outside the guest's memory, or are of the wrong direction. */
    BAD_BUFFER,
    /** The tap's device is down. */
    LINK_DOWN,
    /** The kernel did not take the frame from an uplink. */
    REFUSED,
    /** A capture has only the begin of the frame. */
    TRUNCATED,
    /** Frames came in from an interface faster than they were taken. */
    OVERRUN;

    private final String label = name().toLowerCase(Locale.ROOT).replace('_', '-');

    /** The word used in output. */
    public String label() {
        return label;
    }
}
