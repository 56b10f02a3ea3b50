package io.ringbridge.control.uplink;

/**
 * Which device a tap port has, and what is made of it.
 *
 * @param device its name
 * @param mtu what its MTU is set to; 0 to leave it as it is
 * @param persist whether a device that had to be made stays when the port goes
 * @param master the kernel's bridge that it is made a port of, or null
 * @param up whether it is set up
 */
public record TapOptions(String device, int mtu, boolean persist, String master, boolean up) {
    /** The device set up, and nothing else. */
    public static TapOptions of(final String device) {
        return new TapOptions(device, 0, false, null, true);
    }
}
