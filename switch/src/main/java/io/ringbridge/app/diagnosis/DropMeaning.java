package io.ringbridge.app.diagnosis;

import io.ringbridge.datapath.port.DropReason;

/** Describes the reasons for drops in words, as {@code docs/operations.md} does. Any thread may call. */
public final class DropMeaning {
    private DropMeaning() {
    }

    /** Returns a description of the reason, without the word for it. */
    public static String of(final DropReason reason) {
        return switch (reason) {
            case BAD_DESCRIPTOR -> "the guest's descriptors are wrong";
            case SHORT_FRAME -> "shorter than an Ethernet header";
            case OVERSIZE_FRAME -> "longer than any port accepts";
            case BAD_OFFLOAD -> "the requested offload does not fit the frame";
            case UNFINISHED -> "a local sender left work that the switch cannot do";
            case VLAN_MALFORMED -> "the VLAN tag is truncated";
            case VLAN_TAGGED -> "a VLAN tag where none is allowed";
            case VLAN_UNTAGGED -> "no VLAN tag on a trunk without a native VLAN";
            case VLAN_NOT_ALLOWED -> "the port is not in the frame's VLAN";
            case RESERVED_GROUP -> "sent to a reserved group that is not relayed";
            case QUEUE_DISABLED -> "the transmit queue is disabled";
            case SAME_PORT -> "the destination is behind the port of the sender";
            case NO_RECEIVER -> "the destination port is down";
            case FRAME_RING_FULL -> "another worker is too far behind";
            case PORT_SUSPENDED -> "the port is suspended";
            case MTU_EXCEEDED -> "longer than the port's MTU";
            case SEGMENT_LIMIT -> "the frame makes too many segments";
            case NO_BUFFER -> "the receiver provides no buffer";
            case NO_TRANSLATION -> "the front-end has not translated the receive buffer yet";
            case PAGE_TO_COME -> "the receive buffer has not arrived from another host yet";
            case SMALL_BUFFER -> "the receive buffers are too small";
            case BAD_BUFFER -> "the receive buffer's descriptors are wrong";
            case LINK_DOWN -> "the link of the device is down";
            case REFUSED -> "the kernel did not accept the frame";
            case TRUNCATED -> "a capture contains only the start of the frame";
            case MIRROR_DESTINATION -> "the port only receives the copies of a mirror";
            case OVERRUN -> "frames arrived faster than they were taken";
        };
    }
}
