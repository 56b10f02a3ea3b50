/**
 * Links of ports that are not guests: they open taps, interfaces and captures, attach to back-ends, and open
 * all of these again after a failure.
 *
 * <p>Each port has one thread, and only that thread commands the port. A {@link io.ringbridge.control.uplink.PcapLink}
 * has up to two more: its {@link io.ringbridge.control.uplink.Replay} and its
 * {@link io.ringbridge.control.uplink.Recorder} each have one, which moves the frames.
 */
@NullMarked
package io.ringbridge.control.uplink;

import org.jspecify.annotations.NullMarked;
