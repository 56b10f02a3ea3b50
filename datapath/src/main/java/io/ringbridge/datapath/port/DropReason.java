package io.ringbridge.datapath.port;

import java.util.Locale;

/**
 * The reason why a frame, or a descriptor chain that should contain one, was dropped. Each queue counts every reason.
 */
public enum DropReason {
    /**
     * The chain's descriptors are out of bounds, loop, point outside the guest's memory, or have the wrong direction.
     */
    BAD_DESCRIPTOR(At.SENDER),
    /** Shorter than the virtio-net header and an Ethernet header. */
    SHORT_FRAME(At.SENDER),
    /** Longer than the longest frame that any port accepts. */
    OVERSIZE_FRAME(At.SENDER),
    /** The virtio-net header asks for an offload that does not fit the frame. */
    BAD_OFFLOAD(At.SENDER),
    /** A local sender left the frame's offloads to the interface, and the switch cannot do them. */
    UNFINISHED(At.SENDER),
    /** The frame ends within its VLAN tag. */
    VLAN_MALFORMED(At.SENDER),
    /**
     * The frame arrived on an access port with a tag that names a VLAN. Or it would leave a trunk without its priority
     * tag, and the next tag would then name its VLAN.
     */
    VLAN_TAGGED(At.BOTH),
    /** The frame arrived on a trunk without a native VLAN and has no tag that names a VLAN. */
    VLAN_UNTAGGED(At.SENDER),
    /** The port is not in the frame's VLAN. */
    VLAN_NOT_ALLOWED(At.SENDER),
    /** The destination is a reserved group, 01:80:c2:00:00:00 to 0f, that the ingress port does not relay. */
    RESERVED_GROUP(At.SENDER),
    /** The transmit queue is started but disabled. */
    QUEUE_DISABLED(At.BOTH),
    /** The destination is behind the port from which the frame came. */
    SAME_PORT(At.SENDER),
    /** The destination port accepts no frames, or it is down, and the frame is not flooded. */
    NO_RECEIVER(At.BOTH),
    /** Another worker, which should receive a copy of a flooded frame, is too far behind. */
    FRAME_RING_FULL(At.SENDER),
    /** The destination port is suspended. */
    PORT_SUSPENDED(At.RECEIVER),
    /** Longer than the MTU of the egress port. For a frame that will be segmented, the segments are too long. */
    MTU_EXCEEDED(At.RECEIVER),
    /**
     * The frame needed more segments than the switch makes of one frame. The segments up to the limit were delivered.
     */
    SEGMENT_LIMIT(At.RECEIVER),
    /** The receive queue has no buffer, or the uplink's queue is full. */
    NO_BUFFER(At.RECEIVER),
    /** The receive queue's next buffer is behind an IOMMU, and the front-end has not sent its translation yet. */
    NO_TRANSLATION(At.RECEIVER),
    /**
     * The receive queue, or its next buffer, is in a page of guest memory that has not arrived from another host yet.
     */
    PAGE_TO_COME(At.RECEIVER),
    /**
     * The receive buffer is smaller than the frame, and buffers may not be merged. Or the receive queue's buffers have
     * so many descriptors for so few bytes that filling them exceeded the queue's share of its worker.
     */
    SMALL_BUFFER(At.RECEIVER),
    /**
     * The receive buffer's descriptors are out of bounds, loop, point outside guest memory, or have the wrong
     * direction.
     */
    BAD_BUFFER(At.RECEIVER),
    /** The tap device is down. */
    LINK_DOWN(At.RECEIVER),
    /** The kernel did not accept the frame from an uplink. */
    REFUSED(At.RECEIVER),
    /** The capture contains only the start of the frame. */
    TRUNCATED(At.SENDER),
    /** Frames arrived on an interface faster than the switch took them. */
    OVERRUN(At.SENDER),
    /** The port is the destination of a mirror, and takes no part in the bridge. */
    MIRROR_DESTINATION(At.SENDER);

    /** The side of the switch that counts a reason. */
    private enum At { SENDER, RECEIVER, BOTH }

    private static final DropReason[] ALL = values();

    private final String label = name().toLowerCase(Locale.ROOT).replace('_', '-');
    private final At at;

    DropReason(final At at) {
        this.at = at;
    }

    /** Returns the reason with an ordinal. */
    public static DropReason at(final int ordinal) {
        return ALL[ordinal];
    }

    /** Returns the word for output. */
    public String label() {
        return label;
    }

    /** Whether frames are dropped for this reason where they enter the switch. */
    public boolean isCountedAtSender() {
        return at != At.RECEIVER;
    }

    /** Whether frames are dropped for this reason where they leave the switch. */
    public boolean isCountedAtReceiver() {
        return at != At.SENDER;
    }
}
