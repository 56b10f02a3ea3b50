package io.ringbridge.control.transport;

import io.ringbridge.datapath.os.Fd;

import org.newsclub.net.unix.AFUNIXDatagramSocket;

import java.io.FileDescriptor;
import java.io.IOException;

/**
 * A socket's descriptor that comes from another process, or goes to one. Owned by the thread that owns the socket.
 *
 * <p>The socket library does not close what it was given; and what it closes it shuts down first, for every process that has it.
 */
final class Inherited {
    private final int fd;
    private String target;

    /** Where a socket's descriptor is asked for. */
    @FunctionalInterface
    interface Source {
        FileDescriptor get() throws IOException;
    }

    Inherited(final int fd) {
        this.fd = fd;
        target = Fd.target(fd);
    }

    /** Closes it after the library's socket; a socket's target has its inode, so no other file is mistaken for it. */
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
     * Puts a socket that nobody uses in the place of one that another process goes on with, so that what is done to it in closing it here
     * does not reach that one.
     *
     * @param inherited where the library's socket is of a descriptor from elsewhere; else null
     */
    static void vacate(final Source socket, final Inherited inherited) {
        try {
            final FileDescriptor descriptor = socket.get();
            if (!descriptor.valid()) {
                return; // the library closes what cannot be written to
            }
            final int number = Descriptors.number(descriptor);
            replace(number);
            if (inherited != null) {
                inherited.target = Fd.target(number);
            }
        } catch (final IOException e) {
            throw new TransportException("a socket cannot be let go: " + e.getMessage(), e);
        }
    }

    private static void replace(final int number) throws IOException {
        try (AFUNIXDatagramSocket nobody = AFUNIXDatagramSocket.newInstance()) {
            Fd.replace(number, Descriptors.number(nobody.getFileDescriptor()));
        }
    }
}
