/**
 * Ports whose other side is no guest: opens taps, interfaces and captures, and opens devices again when they went.
 *
 * <p>A thread a port, which alone commands the port; beside an interface or a capture two more, which move its frames.
 */
package io.ringbridge.control.uplink;
