package io.ringbridge.control.frontend;

/**
 * The two queues of a pair. Each may be used by a thread of its own.
 *
 * @param index the number of the pair, from 0
 * @param transmitter the guest's transmit queue
 * @param receiver the guest's receive queue
 */
public record QueuePair(int index, Transmitter transmitter, Receiver receiver) {
}
