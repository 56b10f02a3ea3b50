package io.ringbridge.control.transport;

import io.ringbridge.control.protocol.Header;

/**
 * A message as it came. Owned by the thread that received it, which closes it.
 *
 * @param header its header; version and size are checked
 * @param payload its payload, whole
 * @param descriptors what came with it; closed with this where nobody takes it
 */
@SuppressWarnings("ArrayRecordComponent")
public record Packet(Header header, byte[] payload, Descriptors descriptors) implements AutoCloseable {
    @Override
    public void close() {
        descriptors.close();
    }
}
