package io.ringbridge.datapath.port;

/**
 * One direction of a queue, for metrics: a virtqueue of a guest port, or one side of an uplink's queue.
 *
 * @param queue the number of the queue pair or of the uplink's queue
 * @param in whether frames enter the switch here
 * @param counters the counters, which go on counting
 * @param size the ring's entries, or an uplink's buffers; 0 while the queue is stopped
 * @param available the chains that are known to be available, or the buffers with frames that were not taken
 * @param inFlight the chains or buffers that are taken and not returned
 */
public record QueueReading(int queue, boolean in, QueueCounters counters, int size, int available, int inFlight) {
}
