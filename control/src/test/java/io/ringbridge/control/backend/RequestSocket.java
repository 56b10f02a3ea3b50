package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.BackendRequest;
import io.ringbridge.control.protocol.Codec;
import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.datapath.os.Fd;
import org.newsclub.net.unix.AFUNIXSocketChannel;
import org.newsclub.net.unix.AFUNIXSocketPair;
import org.newsclub.net.unix.FileDescriptorCast;

import java.io.IOException;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

/** The front-end's end of the socket for the back-end's own requests. */
final class RequestSocket implements AutoCloseable {
    final Connection connection;
    private final AFUNIXSocketPair<AFUNIXSocketChannel> pair = AFUNIXSocketPair.open();

    RequestSocket() throws IOException {
        connection = Connection.adopt(Fd.duplicate(number(pair.getSocket1())));
    }

    private static int number(final AFUNIXSocketChannel socket) throws IOException {
        return FileDescriptorCast.using(socket.getFileDescriptor()).as(Integer.class);
    }

    /** Returns the other end, which this object still owns. */
    int given() throws IOException {
        return number(pair.getSocket2());
    }

    /**
     * Sends the other end to the back-end.
     *
     * @return the result in its acknowledgement
     */
    long giveTo(final TestPeer peer) throws IOException {
        return peer.ack(new Message.SetBackendReqFd(), given());
    }

    /** Receives the next message, or null if the back-end has closed the socket. */
    Packet receive() throws IOException {
        return connection.receive(() -> {
            if (Thread.interrupted()) {
                throw new IllegalStateException("the test has timed out");
            }
        });
    }

    /** Returns whether no message arrives within one polling interval of the connection. */
    boolean isSilent() throws IOException {
        try (Packet packet = connection.receive(() -> { }, () -> true)) {
            return packet == null;
        }
    }

    /** Receives the next request, which has to be this one with this payload. */
    void expect(final BackendRequest request, final byte[] payload) throws IOException {
        try (Packet packet = receive()) {
            assertEquals(new Header(request.id(), Header.VERSION | Header.NEED_REPLY, payload.length), packet.header());
            assertArrayEquals(payload, packet.payload());
        }
    }

    void acknowledge(final BackendRequest request, final long result) throws IOException {
        connection.send(request.id(), Header.VERSION | Header.REPLY, Codec.number(result));
    }

    @Override
    public void close() throws IOException {
        connection.close();
        pair.close();
    }
}
