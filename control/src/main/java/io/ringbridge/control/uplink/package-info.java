/**
 * Links of ports that are not guests: they open taps, interfaces and captures, and open devices again after a failure.
 *
 * <p>Each port has one thread, and only that thread commands the port. A capture has up to two more, which move its
 * frames.
 */
package io.ringbridge.control.uplink;
