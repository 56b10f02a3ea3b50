package io.ringbridge.control.frontend;

/**
 * How a queue is made.
 *
 * @param size entries of its ring, a power of two
 * @param bufferLength bytes of each of its buffers, virtio-net header included
 */
public record QueueShape(int size, int bufferLength) {
}
