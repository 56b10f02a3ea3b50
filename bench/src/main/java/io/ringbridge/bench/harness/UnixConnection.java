package io.ringbridge.bench.harness;

import java.io.IOException;
import java.net.ConnectException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/** A connection to a text protocol on a Unix socket; what the peer says becomes a transcript. */
final class UnixConnection implements AutoCloseable {
    private final String name;
    private final SocketChannel channel;
    private final Transcript transcript;

    private UnixConnection(final String name, final SocketChannel channel) {
        this.name = name;
        this.channel = channel;
        this.transcript = Transcript.of(name, Channels.newInputStream(channel));
    }

    /** Connects as soon as somebody listens. */
    static UnixConnection open(final String name, final Path socket, final Duration limit) {
        final SocketChannel[] connected = new SocketChannel[1];
        Await.until("somebody to listen on " + socket, limit, () -> {
            connected[0] = connect(socket);
            return connected[0] != null;
        });
        return new UnixConnection(name, connected[0]);
    }

    /** Null where nobody listens yet: a socket is there before its listener is. */
    private static SocketChannel connect(final Path socket) {
        if (!Files.exists(socket)) {
            return null;
        }
        try {
            return SocketChannel.open(UnixDomainSocketAddress.of(socket));
        } catch (final ConnectException e) {
            return null;
        } catch (final IOException e) {
            throw new HarnessException("cannot connect to " + socket, e);
        }
    }

    Transcript transcript() {
        return transcript;
    }

    void send(final String line) {
        final ByteBuffer bytes = ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.UTF_8));
        try {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        } catch (final IOException e) {
            throw new HarnessException(name + " takes nothing any more; its last words:\n" + transcript.tail(), e);
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (final IOException e) {
            throw new HarnessException("closing the connection to " + name, e);
        }
    }
}
