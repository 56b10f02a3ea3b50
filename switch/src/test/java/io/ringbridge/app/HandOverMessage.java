package io.ringbridge.app;

import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.datapath.os.Fd;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.stream.IntStream;
import java.util.zip.CRC32C;

/**
 * A message of the hand-over, as sent over the socket: a whole record, unless that is large.
 *
 * @param kind the number of the step
 * @param payload the header and the content of the record
 */
@SuppressWarnings("ArrayRecordComponent")
record HandOverMessage(int kind, byte[] payload, int[] descriptors) implements AutoCloseable {
    static final int HEADER = 24;
    private static final int LENGTH_AT = 12;
    private static final int CHECKSUM_AT = 20;

    /** Takes the packet's descriptors. */
    static HandOverMessage of(final Packet packet) {
        return new HandOverMessage(packet.header().request(), packet.payload(),
            IntStream.range(0, packet.descriptors().count()).map(packet.descriptors()::take).toArray());
    }

    /** Returns a message with other content. The record's header is corrected. */
    HandOverMessage with(final byte[] bytes, final int... fds) {
        final CRC32C crc = new CRC32C();
        crc.update(bytes, HEADER, bytes.length - HEADER);
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(LENGTH_AT, bytes.length - HEADER)
            .putInt(LENGTH_AT + 4, fds.length)
            .putInt(CHECKSUM_AT, (int) crc.getValue());
        return new HandOverMessage(kind, bytes, fds);
    }

    void send(final Connection connection) {
        try {
            connection.send(kind, Header.VERSION, payload, descriptors);
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        Arrays.stream(descriptors).forEach(Fd::close);
    }
}
