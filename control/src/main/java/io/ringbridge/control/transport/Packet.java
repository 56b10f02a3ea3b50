package io.ringbridge.control.transport;

import io.ringbridge.control.protocol.Header;

/**
 * A received message, not yet decoded. Owned by the thread that received it, which closes it.
 *
 * @param header the header, with a valid version and size
 * @param payload the whole payload
 * @param descriptors the descriptors that arrived with it; closing the packet closes those that nobody took
 */
@SuppressWarnings("ArrayRecordComponent")
public record Packet(Header header, byte[] payload, Descriptors descriptors) implements AutoCloseable {
    @Override
    public void close() {
        descriptors.close();
    }
}
