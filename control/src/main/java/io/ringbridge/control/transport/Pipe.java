package io.ringbridge.control.transport;

import io.ringbridge.datapath.os.Fd;
import org.newsclub.net.unix.FileDescriptorCast;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.channels.FileChannel;

/**
 * Opens one end of a pipe that a peer sent as a channel. Closing the channel ends a read or write in another thread.
 */
public final class Pipe {
    private Pipe() {
    }

    /**
     * Takes ownership of the read end.
     *
     * @param fd the descriptor; closed if this method throws
     * @throws TransportException if the descriptor is not a pipe
     */
    public static FileChannel reading(final int fd) {
        return new FileInputStream(adopt(fd)).getChannel();
    }

    /**
     * Takes ownership of the write end.
     *
     * @param fd the descriptor; closed if this method throws
     * @throws TransportException if the descriptor is not a pipe
     */
    public static FileChannel writing(final int fd) {
        return new FileOutputStream(adopt(fd)).getChannel();
    }

    private static FileDescriptor adopt(final int fd) {
        final String target = Fd.target(fd);
        try {
            if (!target.startsWith("pipe:")) {
                throw new TransportException("a descriptor is " + target + "; only an end of a pipe is allowed");
            }
            Fd.setBlocking(fd);
            return FileDescriptorCast.unsafeUsing(fd).getFileDescriptor();
        } catch (final IOException e) {
            Fd.abandon(fd);
            throw new TransportException("descriptor " + fd + " cannot be used: " + e.getMessage(), e);
        } catch (final TransportException e) {
            Fd.abandon(fd);
            throw e;
        }
    }
}
