package io.ringbridge.control.backend;

import io.ringbridge.datapath.ring.Features;

/**
 * The ways in which a front-end and its driver may suspend a port.
 *
 * @param messages whether SUSPEND and RESUME are offered: protocol feature 18, which later editions of the
 *     specification assign to shared objects
 * @param featureBit the virtio feature that makes SUSPEND a bit of the device status: {@link Features#SUSPEND}, or
 *     {@link Features#SUSPEND_DRAFT} for drivers and monitors older than the standard
 */
public record SuspendOptions(boolean messages, int featureBit) {
    /** The messages, and the bit of the standard. */
    public static final SuspendOptions DEFAULT = new SuspendOptions(true, Features.SUSPEND);
}
