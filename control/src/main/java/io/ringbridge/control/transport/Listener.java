package io.ringbridge.control.transport;

import org.newsclub.net.unix.AFUNIXServerSocket;
import org.newsclub.net.unix.AFUNIXSocket;
import org.newsclub.net.unix.AFUNIXSocketAddress;
import org.newsclub.net.unix.AFUNIXSocketChannel;
import org.newsclub.net.unix.ConnectionRefusedSocketException;
import org.newsclub.net.unix.FileDescriptorCast;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * A socket that front-ends connect to.
 *
 * <p>A socket file that nobody listens on is replaced; one that somebody listens on, and a file of any other kind, is left alone.
 * Owned by one thread; any thread may {@link #wake} it.
 */
public final class Listener implements AutoCloseable {
    private static final int S_IFMT = 0xF000;
    private static final int S_IFSOCK = 0xC000;
    private static final int BACKLOG = 16;
    /** Each end of a wait costs a processor half a millisecond; a hand-over waits 2000 for a listener whose file was moved. */
    private static final int ACCEPT_MILLIS = 1500;

    private final Path path;
    private final AFUNIXServerSocket server;
    private final long inode;
    private final Inherited inherited;

    private Listener(final Path path, final AFUNIXServerSocket server, final long inode, final Inherited inherited) {
        this.path = path;
        this.server = server;
        this.inode = inode;
        this.inherited = inherited;
    }

    /**
     * Listens on a path.
     *
     * @param permissions of the socket file, as in chmod
     * @throws TransportException when the path cannot be listened on
     */
    public static Listener open(final Path path, final int permissions) {
        final Path directory = path.toAbsolutePath().getParent();
        if (directory == null || !Files.isDirectory(directory)) {
            throw new TransportException("socket " + path + ": " + directory + " is no directory");
        }
        AFUNIXServerSocket server = null;
        try {
            final AFUNIXSocketAddress address = Connection.address(path);
            removeStale(path, address);
            server = AFUNIXServerSocket.newInstance();
            server.setDeleteOnClose(false);
            server.bind(address, BACKLOG);
            Files.setAttribute(path, "unix:mode", permissions);
            server.setSoTimeout(ACCEPT_MILLIS);
            return new Listener(path, server, inode(path), null);
        } catch (final IOException e) {
            closeQuietly(server);
            throw new TransportException("socket " + path + " cannot be listened on: " + e.getMessage(), e);
        }
    }

    /**
     * Takes over a socket that another process listens on.
     *
     * @param fd closed when it is refused
     * @param inode of the socket's file, as {@link #inode()} said there
     * @throws TransportException when it is no listening socket, or another's
     */
    public static Listener adopt(final Path path, final int fd, final long inode) {
        final Inherited inherited = new Inherited(fd);
        try {
            final AFUNIXServerSocket server = FileDescriptorCast.unsafeUsing(fd).as(AFUNIXServerSocket.class);
            server.setDeleteOnClose(false);
            server.setSoTimeout(ACCEPT_MILLIS);
            return new Listener(path, server, inode, inherited);
        } catch (final IOException | ClassCastException e) {
            inherited.close();
            throw new TransportException("socket " + path + ": descriptor " + fd + " is no listening Unix socket", e);
        }
    }

    /** The descriptor's number, for handing it on; it remains this object's. */
    public int descriptor() {
        return Inherited.number(server::getFileDescriptor);
    }

    /** The number of the socket's file. */
    public long inode() {
        return inode;
    }

    private static void removeStale(final Path path, final AFUNIXSocketAddress address) throws IOException {
        final int mode;
        try {
            mode = (Integer) Files.getAttribute(path, "unix:mode", LinkOption.NOFOLLOW_LINKS);
        } catch (final NoSuchFileException e) {
            return;
        }
        if ((mode & S_IFMT) != S_IFSOCK) {
            throw new TransportException("socket " + path + ": there is a file that is no socket; it is not replaced");
        }
        try (AFUNIXSocketChannel probe = AFUNIXSocketChannel.open()) {
            probe.configureBlocking(false); // a full backlog makes a blocking connect wait for ever
            probe.connect(address);
        } catch (final ConnectionRefusedSocketException e) {
            Files.deleteIfExists(path);
            return;
        }
        throw new TransportException("socket " + path + " is in use: somebody listens on it");
    }

    private static long inode(final Path path) throws IOException {
        return (Long) Files.getAttribute(path, "unix:ino", LinkOption.NOFOLLOW_LINKS);
    }

    /**
     * Waits a while for a front-end.
     *
     * @return null when none came
     */
    public Connection accept() throws IOException {
        try {
            return Connection.over(server.accept());
        } catch (final SocketTimeoutException e) {
            return null;
        }
    }

    /** Makes a waiting {@link #accept} return. Any thread may call. */
    public void wake() {
        try (AFUNIXSocket socket = AFUNIXSocket.newInstance()) {
            socket.connect(Connection.address(path));
        } catch (final IOException e) {
            // Nobody waits there any more, or somebody has moved the file: then the wait ends by its own timeout.
        }
    }

    /** Stops listening, and removes the socket file where it is still this listener's. */
    @Override
    public void close() {
        try {
            if (inode == inode(path)) {
                Files.deleteIfExists(path);
            }
        } catch (final IOException e) {
            // Removed by somebody else, or the directory may not be written any more: nothing is left to do.
        }
        closeSocket();
    }

    /** Stops listening in this process, while another that has the socket as well goes on: the file stays. */
    public void letGo() {
        Inherited.vacate(server::getFileDescriptor, inherited);
        closeSocket();
    }

    private void closeSocket() {
        closeQuietly(server);
        if (inherited != null) {
            inherited.close();
        }
    }

    private static void closeQuietly(final AFUNIXServerSocket server) {
        try {
            if (server != null) {
                server.close();
            }
        } catch (final IOException e) {
            // The descriptor is gone all the same.
        }
    }
}
