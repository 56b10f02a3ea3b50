package io.ringbridge.datapath.port;

/**
 * A reading of one virtqueue, or of one queue of a tap, for display.
 *
 * @param index the vring index: even receives, odd transmits, as the guest sees it; of a tap, the queue's number
 * @param kind {@code rx} or {@code tx}, as the guest sees it; {@code tap} for both ways of a tap's
 * @param worker the worker that owns it
 * @param started whether it is started
 * @param enabled whether it is enabled
 * @param layout {@code split} or {@code packed}; empty while it is stopped, and of a tap
 * @param size entries, or a tap's buffers; 0 while it is stopped
 * @param statistics its counters
 */
public record QueueStatus(int index, String kind, int worker, boolean started, boolean enabled, String layout, int size,
                          PortStatistics statistics) {
}
