package io.ringbridge.bench.harness;

import io.ringbridge.bench.machine.Await;
import io.ringbridge.bench.machine.BenchException;
import io.ringbridge.bench.peer.Transcript;

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
import org.jspecify.annotations.Nullable;

/** A connection to a peer with a text protocol, over a Unix socket. A transcript records the peer's output. */
final class UnixConnection implements AutoCloseable {
    private final String name;
    private final SocketChannel channel;
    private final Transcript transcript;

    private UnixConnection(final String name, final SocketChannel channel) {
        this.name = name;
        this.channel = channel;
        this.transcript = Transcript.of(name, Channels.newInputStream(channel));
    }

    /** Connects as soon as the peer listens. */
    static UnixConnection open(final String name, final Path socket, final Duration limit) {
        final @Nullable SocketChannel[] connected = new SocketChannel[1];
        Await.until("a listener on " + socket, limit, () -> {
            connected[0] = connect(socket);
            return connected[0] != null;
        });
        final SocketChannel channel = connected[0];
        assert channel != null : "the wait ended with a connection";
        return new UnixConnection(name, channel);
    }

    /** Returns null if nothing listens yet. A socket's file exists before its listener does. */
    private static @Nullable SocketChannel connect(final Path socket) {
        if (!Files.exists(socket)) {
            return null;
        }
        try {
            return SocketChannel.open(UnixDomainSocketAddress.of(socket));
        } catch (final ConnectException e) {
            return null;
        } catch (final IOException e) {
            throw new BenchException("cannot connect to " + socket, e);
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
            throw new BenchException(name + " no longer reads its input; end of its output:\n"
                + transcript.tail(), e);
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (final IOException e) {
            throw new BenchException("cannot close the connection to " + name, e);
        }
    }
}
