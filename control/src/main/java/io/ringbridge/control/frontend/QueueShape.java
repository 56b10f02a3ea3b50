package io.ringbridge.control.frontend;

/**
 * The dimensions of a queue.
 *
 * @param size the number of ring entries, a power of two
 * @param bufferLength the size of each buffer in bytes, virtio-net header included
 */
public record QueueShape(int size, int bufferLength) {
}
