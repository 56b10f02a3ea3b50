package io.ringbridge.control.backend.migration;

import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.control.transport.Pipe;
import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;

/**
 * The transfer of a device's state through a pipe (vhost-user, "Migrating back-end state").
 *
 * <p>A thread of its own reads or writes, so that a front-end that blocks the pipe blocks no other thread. Owned by the
 * session's thread.
 */
final class StateTransfer implements AutoCloseable {
    /** The time to transfer the remainder of a stream, all of which has to be in the pipe already, its end included. */
    private static final Duration PATIENCE = Duration.ofSeconds(2);

    private final FileChannel pipe;
    private final Thread thread;
    private final boolean loads;
    private byte[] received = {};
    private @Nullable IOException failure;

    private StateTransfer(final FileChannel pipe, final boolean loads, final byte[] toSend, final String name) {
        this.pipe = pipe;
        this.loads = loads;
        thread = Thread.ofPlatform().daemon().name("rb-state-" + name).start(() -> run(toSend));
    }

    /** Starts to write a state. Closes {@code fd} once all is written, or if this method throws. */
    static StateTransfer save(final DeviceState state, final int fd, final String name) {
        return new StateTransfer(Pipe.writing(fd), false, state.encode(), name);
    }

    /** Starts to read a state. Closes {@code fd} once all is read, or if this method throws. */
    static StateTransfer load(final int fd, final String name) {
        return new StateTransfer(Pipe.reading(fd), true, new byte[0], name);
    }

    private void run(final byte[] toSend) {
        try (pipe) {
            if (loads) {
                received = read();
            } else {
                for (final ByteBuffer out = ByteBuffer.wrap(toSend); out.hasRemaining();) {
                    pipe.write(out);
                }
            }
        } catch (final IOException e) {
            failure = e;
        }
    }

    private byte[] read() throws IOException {
        final ByteBuffer in = ByteBuffer.allocate(DeviceState.MAX_BYTES + 1);
        int n = 0;
        while (n >= 0) {
            n = pipe.read(in);
            if (!in.hasRemaining()) {
                throw new IOException("it has more than " + DeviceState.MAX_BYTES + " bytes");
            }
        }
        return Arrays.copyOf(in.array(), in.position());
    }

    /**
     * Ends the transfer. CHECK_DEVICE_STATE arrives only after the stream has ended.
     *
     * @return the loaded state; empty if a state was saved
     * @throws ProtocolException if the transfer has not ended, has failed, or has loaded no valid state
     */
    Optional<DeviceState> finish() {
        boolean ended = false;
        try {
            ended = thread.join(PATIENCE);
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        close();
        if (!ended) {
            throw ProtocolException.refused("the device's state was not transferred within " + PATIENCE.toSeconds()
                + " s");
        }
        if (failure != null) {
            throw ProtocolException.refused("the device's state could not be " + (loads ? "read: " : "written: ")
                + failure.getMessage());
        }
        return loads ? Optional.of(DeviceState.decode(received)) : Optional.empty();
    }

    /** Abandons the transfer if it is still in progress. */
    @Override
    public void close() {
        try {
            pipe.close();
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
