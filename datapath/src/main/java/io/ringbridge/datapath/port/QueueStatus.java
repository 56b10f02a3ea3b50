package io.ringbridge.datapath.port;

/**
 * A reading of one virtqueue, or of one queue of an uplink, for display.
 *
 * @param index the vring index, even for receive and odd for transmit queues of the guest; for an uplink, the queue's
 *     number
 * @param kind {@code rx} or {@code tx}, as seen from the guest; {@code uplink} for both directions of an uplink's queue
 * @param worker the number of the worker that owns the queue
 * @param started whether the queue is started
 * @param enabled whether the queue is enabled
 * @param layout {@code split} or {@code packed}; empty while the queue is stopped, and for an uplink
 * @param size the ring's entries, or an uplink's buffers; 0 while the queue is stopped
 * @param statistics the counters of the queue
 */
public record QueueStatus(int index, String kind, int worker, boolean started, boolean enabled, String layout, int size,
                          PortStatistics statistics) {
}
