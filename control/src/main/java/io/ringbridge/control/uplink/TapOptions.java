package io.ringbridge.control.uplink;

import org.jspecify.annotations.Nullable;

/**
 * The options of a tap port.
 *
 * @param device the name of the device
 * @param mtu the MTU to set; 0 to leave the MTU unchanged
 * @param persist whether a device that the port created remains after the port has gone
 * @param master the kernel bridge to add the device to, or null
 * @param up whether to set the device up
 */
public record TapOptions(String device, int mtu, boolean persist, @Nullable String master, boolean up) {
    /** Returns the options that only set the device up. */
    public static TapOptions of(final String device) {
        return new TapOptions(device, 0, false, null, true);
    }

    /** Returns a copy with another MTU. */
    TapOptions withMtu(final int newMtu) {
        return new TapOptions(device, newMtu, persist, master, up);
    }
}
