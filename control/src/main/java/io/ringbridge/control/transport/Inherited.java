package io.ringbridge.control.transport;

import io.ringbridge.datapath.os.Fd;
import org.jspecify.annotations.Nullable;
import org.newsclub.net.unix.AFUNIXDatagramSocket;

import java.io.FileDescriptor;
import java.io.IOException;

/**
 * A socket's descriptor that comes from another process, or goes to one. Owned by the thread that owns the socket.
 *
 * <p>The socket library does not close a descriptor that it was given. Any other socket it shuts down before it closes
 * it, which affects every process that has the socket.
 */
final class Inherited {
    private final int fd;
    private String target;

    /** Supplies a socket's descriptor. */
    @FunctionalInterface
    interface Source {
        FileDescriptor get() throws IOException;
    }

    Inherited(final int fd) {
        this.fd = fd;
        target = Fd.target(fd);
    }

    /**
     * Closes the descriptor after the library's socket. The target of a socket contains its inode, so no other file is
     * closed.
     */
    void close() {
        if (Fd.target(fd).equals(target)) {
            Fd.close(fd);
        }
    }

    static int number(final Source socket) {
        try {
            return Descriptors.number(socket.get());
        } catch (final IOException e) {
            throw new TransportException("the socket is closed", e);
        }
    }

    /**
     * Replaces a socket that another process keeps using by an unused one, so that closing it here does not affect that
     * process.
     *
     * @param inherited null unless the library's socket was made from an inherited descriptor
     */
    static void vacate(final Source socket, final @Nullable Inherited inherited) {
        try {
            final FileDescriptor descriptor = socket.get();
            if (!descriptor.valid()) {
                return; // the library closes a socket that cannot be written to
            }
            final int number = Descriptors.number(descriptor);
            replace(number);
            if (inherited != null) {
                inherited.target = Fd.target(number);
            }
        } catch (final IOException e) {
            throw new TransportException("cannot relinquish a socket: " + e.getMessage(), e);
        }
    }

    private static void replace(final int number) throws IOException {
        try (AFUNIXDatagramSocket nobody = AFUNIXDatagramSocket.newInstance()) {
            Fd.replace(number, Descriptors.number(nobody.getFileDescriptor()));
        }
    }
}
