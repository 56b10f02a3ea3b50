package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.control.transport.Pipe;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.time.Duration;
import java.util.Arrays;

/**
 * A device's state on its way through a pipe (vhost-user, "Migrating back-end state").
 *
 * <p>A thread of its own reads or writes, so that a front-end that lets the pipe wait makes nobody wait. Owned by the session's thread.
 */
final class StateTransfer implements AutoCloseable {
    /** How long the rest of a stream may take that has to be in the pipe already, its end too. */
    private static final Duration REST = Duration.ofSeconds(2);

    private final FileChannel pipe;
    private final Thread thread;
    private final boolean loads;
    private byte[] received;
    private IOException failure;

    private StateTransfer(final FileChannel pipe, final byte[] toSend, final String name) {
        this.pipe = pipe;
        loads = toSend == null;
        thread = Thread.ofPlatform().daemon().name("rb-state-" + name).start(() -> run(toSend));
    }

    /** Begins to write a state; {@code fd} is closed when all is written, or when it is refused. */
    static StateTransfer save(final DeviceState state, final int fd, final String name) {
        return new StateTransfer(Pipe.writing(fd), state.encode(), name);
    }

    /** Begins to read a state; {@code fd} is closed when all is read, or when it is refused. */
    static StateTransfer load(final int fd, final String name) {
        return new StateTransfer(Pipe.reading(fd), null, name);
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
                throw new IOException("more than " + DeviceState.MAX_BYTES + " bytes");
            }
        }
        return Arrays.copyOf(in.array(), in.position());
    }

    /**
     * Ends the transfer: CHECK_DEVICE_STATE comes when the stream has ended.
     *
     * @return the state that was loaded; null where one was saved
     * @throws ProtocolException when it did not end, failed, or brought no state
     */
    DeviceState finish() {
        boolean ended = false;
        try {
            ended = thread.join(REST);
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        close();
        if (!ended) {
            throw ProtocolException.refused("the device's state is not through the pipe");
        }
        if (failure != null) {
            throw ProtocolException.refused("the device's state could not be " + (loads ? "read: " : "written: ") + failure.getMessage());
        }
        return loads ? DeviceState.decode(received) : null;
    }

    /** Gives the transfer up, if it still goes on. */
    @Override
    public void close() {
        try {
            pipe.close();
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
