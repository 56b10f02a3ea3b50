package io.ringbridge.datapath.port;

/**
 * A reading of one virtqueue, for display.
 *
 * @param index the vring index: even receives, odd transmits, as the guest sees it
 * @param kind {@code rx} or {@code tx}, as the guest sees it
 * @param worker the worker that owns it
 * @param started whether it is started
 * @param enabled whether it is enabled
 * @param layout {@code split} or {@code packed}; empty while it is stopped
 * @param size entries; 0 while it is stopped
 * @param statistics its counters
 */
public record QueueStatus(int index, String kind, int worker, boolean started, boolean enabled, String layout, int size,
                          PortStatistics statistics) {
}
