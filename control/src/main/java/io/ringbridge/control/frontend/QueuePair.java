package io.ringbridge.control.frontend;

/**
 * The two queues of a pair; each may be used by a thread of its own.
 *
 * @param index its number, from 0
 * @param transmitter what the guest sends on
 * @param receiver what the guest receives on
 */
public record QueuePair(int index, Transmitter transmitter, Receiver receiver) {
}
