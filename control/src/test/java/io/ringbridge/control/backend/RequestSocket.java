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

/** A front-end's end of the socket for the back-end's own requests. */
final class RequestSocket implements AutoCloseable {
    final Connection connection;
    private final AFUNIXSocketPair<AFUNIXSocketChannel> pair = AFUNIXSocketPair.open();

    RequestSocket() throws IOException {
        connection = Connection.adopt(Fd.duplicate(number(pair.getSocket1())));
    }

    private static int number(final AFUNIXSocketChannel socket) throws IOException {
        return FileDescriptorCast.using(socket.getFileDescriptor()).as(Integer.class);
    }

    /** The other end, which stays this object's. */
    int given() throws IOException {
        return number(pair.getSocket2());
    }

    /** Gives the other end to the back-end; the result of its acknowledgement. */
    long giveTo(final TestPeer peer) throws IOException {
        return peer.ack(new Message.SetBackendReqFd(), given());
    }

    /** What comes next; null when the back-end has ended the conversation. */
    Packet receive() throws IOException {
        return connection.receive(() -> {
            if (Thread.interrupted()) {
                throw new IllegalStateException("the test's time is over");
            }
        });
    }

    /** Whether nothing comes, for as long as a socket's owner waits before it looks after other things. */
    boolean isSilent() throws IOException {
        try (Packet packet = connection.receive(() -> { }, () -> true)) {
            return packet == null;
        }
    }

    /** The next request, whose payload has to be this. */
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
