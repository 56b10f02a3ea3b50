package io.ringbridge.control.transport;

import io.ringbridge.datapath.os.Fd;

import org.newsclub.net.unix.FileDescriptorCast;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.channels.FileChannel;

/** One end of a pipe that a peer sent, as a channel: closing it ends a read or a write that another thread waits in. */
public final class Pipe {
    private Pipe() {
    }

    /**
     * Takes over the end that is read from.
     *
     * @param fd the descriptor; closed when it is refused
     * @throws TransportException when it is no pipe
     */
    public static FileChannel reading(final int fd) {
        return new FileInputStream(adopt(fd)).getChannel();
    }

    /**
     * Takes over the end that is written to.
     *
     * @param fd the descriptor; closed when it is refused
     * @throws TransportException when it is no pipe
     */
    public static FileChannel writing(final int fd) {
        return new FileOutputStream(adopt(fd)).getChannel();
    }

    private static FileDescriptor adopt(final int fd) {
        final String target = Fd.target(fd);
        try {
            if (!target.startsWith("pipe:")) {
                throw new TransportException("a descriptor is " + target + "; an end of a pipe is needed");
            }
            Fd.blocking(fd);
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
