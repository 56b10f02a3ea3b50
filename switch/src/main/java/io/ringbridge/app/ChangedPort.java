package io.ringbridge.app;

import java.util.List;

/**
 * A port that has adopted another configuration.
 *
 * @param port with the new configuration
 * @param keys the keys that changed
 * @param mtuBefore the MTU of the port before
 */
record ChangedPort(Attached port, List<ChangedKey> keys, int mtuBefore) {
}
