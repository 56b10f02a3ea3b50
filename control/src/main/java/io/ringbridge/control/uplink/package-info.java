/**
 * Ports whose other side is the host's network stack: opens tap devices, and opens them again when they went.
 *
 * <p>A thread a port, which alone commands the port.
 */
package io.ringbridge.control.uplink;
