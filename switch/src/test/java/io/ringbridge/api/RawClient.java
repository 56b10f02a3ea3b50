package io.ringbridge.api;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** A connection on which a test sends arbitrary bytes. */
record RawClient(SocketChannel channel) implements AutoCloseable {
    static RawClient connect(final Path socket) throws IOException {
        return new RawClient(SocketChannel.open(UnixDomainSocketAddress.of(socket)));
    }

    /** Sends a request with these additional lines, and returns the answer: status line, headers, and body. */
    static String exchange(final Path socket, final String requestLine, final String... more) throws IOException {
        final StringBuilder request = new StringBuilder(requestLine
            + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
        for (final String each : more) {
            request.append(each).append("\r\n");
        }
        try (RawClient client = connect(socket)) {
            return client.send(request.indexOf("\r\n\r\n") < 0 ? request + "\r\n" : request.toString()).answer();
        }
    }

    RawClient send(final String text) throws IOException {
        final ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
        return this;
    }

    /** Returns everything up to the end of the connection. */
    String answer() throws IOException {
        return new String(Channels.newInputStream(channel).readAllBytes(), StandardCharsets.UTF_8);
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
