/**
 * Captures of the frames at a port, as pcapng streams for Wireshark and others.
 *
 * <p>Workers copy frames into a {@link io.ringbridge.datapath.port.PortCapture}. The thread of the client that reads a
 * {@link io.ringbridge.control.capture.FrameCapture} filters them with libpcap and formats them.
 */
@NullMarked
package io.ringbridge.control.capture;

import org.jspecify.annotations.NullMarked;
