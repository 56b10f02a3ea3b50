package io.ringbridge.testkit;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.ring.RingAddresses;

/**
 * A split ring of a little-endian driver, and a copy in which the bytes of all fields are reversed. The copy is the
 * ring that a big-endian driver shares with the device.
 *
 * @param driver the parts that the driver works on
 * @param device the parts that the device works on
 * @param size entries of the ring
 */
public record TurnedRing(RingAddresses driver, RingAddresses device, int size) {
    /** Copies the fields that the driver writes to the device's ring. */
    public void offer() {
        for (int i = 0; i < size; i++) {
            final long from = driver.descriptors() + 16L * i;
            final long to = device.descriptors() + 16L * i;
            Memory.putLong(to, Long.reverseBytes(Memory.getLong(from)));
            Memory.putInt(to + 8, Integer.reverseBytes(Memory.getInt(from + 8)));
            turnShorts(from + 12, to + 12, 2);
        }
        turnShorts(driver.driver(), device.driver(), 3 + size);
    }

    /** Copies the fields that the device writes to the driver's ring. */
    public void use() {
        for (int i = 0; i < 2 * size; i++) {
            final int word = Memory.getInt(device.device() + 4 + 4L * i);
            Memory.putInt(driver.device() + 4 + 4L * i, Integer.reverseBytes(word));
        }
        turnShorts(device.device(), driver.device(), 2);
        turnShorts(device.device() + 4 + 8L * size, driver.device() + 4 + 8L * size, 1);
    }

    private static void turnShorts(final long from, final long to, final int count) {
        for (int i = 0; i < count; i++) {
            Memory.putShort(to + 2L * i, Short.reverseBytes(Memory.getShort(from + 2L * i)));
        }
    }
}
