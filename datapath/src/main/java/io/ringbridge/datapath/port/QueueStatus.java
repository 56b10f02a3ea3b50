package io.ringbridge.datapath.port;

/**
 * A reading of one virtqueue, or of one queue of an uplink, for display.
 *
 * @param index the vring index: even receives, odd transmits, as the guest sees it; of an uplink, the queue's number
 * @param kind {@code rx} or {@code tx}, as the guest sees it; {@code uplink} for both ways of an uplink's
 * @param worker the worker that owns it
 * @param started whether it is started
 * @param enabled whether it is enabled
 * @param layout {@code split} or {@code packed}; empty while it is stopped, and of an uplink
 * @param size entries, or an uplink's buffers; 0 while it is stopped
 * @param statistics its counters
 */
public record QueueStatus(int index, String kind, int worker, boolean started, boolean enabled, String layout, int size,
                          PortStatistics statistics) {
}
