package io.ringbridge.control.transport;

import org.jspecify.annotations.Nullable;
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
 * <p>Opening a listener replaces a socket file that nobody listens on. It fails if somebody listens there, or if the
 * file is not a socket. Owned by one thread; any thread may {@link #wake} it.
 */
public final class Listener implements AutoCloseable {
    private static final int S_IFMT = 0xF000;
    private static final int S_IFSOCK = 0xC000;
    private static final int BACKLOG = 16;
    /**
     * Each timeout costs half a millisecond of CPU time. It is below the 2000 ms that a hand-over waits for a listener
     * whose file was moved.
     */
    private static final int ACCEPT_MILLIS = 1500;

    private final Path path;
    private final AFUNIXServerSocket server;
    private final long inode;
    private final @Nullable Inherited inherited;

    private Listener(final Path path, final AFUNIXServerSocket server, final long inode,
                     final @Nullable Inherited inherited) {
        this.path = path;
        this.server = server;
        this.inode = inode;
        this.inherited = inherited;
    }

    /** Listens on a path, with a file of this mode, as {@link #open(Path, SocketAccess)} does. */
    public static Listener open(final Path path, final int mode) {
        return open(path, SocketAccess.of(mode));
    }

    /**
     * Listens on a path.
     *
     * @param access who may connect
     * @throws TransportException if the switch cannot listen on the path; it leaves no file there
     */
    public static Listener open(final Path path, final SocketAccess access) {
        access.check(path);
        final Path directory = path.toAbsolutePath().getParent();
        if (directory == null || !Files.isDirectory(directory)) {
            throw new TransportException("socket " + path + ": " + directory + " is not a directory");
        }
        AFUNIXServerSocket server = null;
        boolean bound = false;
        try {
            final AFUNIXSocketAddress address = Connection.address(path);
            removeStale(path, address);
            server = AFUNIXServerSocket.newInstance();
            server.setDeleteOnClose(false);
            server.bind(address, BACKLOG);
            bound = true;
            access.apply(path);
            server.setSoTimeout(ACCEPT_MILLIS);
            return new Listener(path, server, inode(path), null);
        } catch (final IOException e) {
            closeQuietly(server);
            removeIf(bound, path);
            throw new TransportException("cannot listen on socket " + path + ": " + e.getMessage(), e);
        }
    }

    /**
     * Takes ownership of a socket that another process listens on.
     *
     * @param fd closed if this method throws
     * @param inode of the socket's file, from {@link #inode()} in the other process
     * @throws TransportException if the descriptor is not a listening Unix socket
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
            throw new TransportException("socket " + path + ": descriptor " + fd
                + " is not a listening Unix socket", e);
        }
    }

    /** Returns the number of the descriptor, to be passed to another process. This object still owns the descriptor. */
    public int descriptor() {
        return Inherited.number(server::getFileDescriptor);
    }

    /** Returns the inode of the socket's file. */
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
            throw new TransportException("socket " + path
                + ": a file that is not a socket is in the way; remove it first");
        }
        try (AFUNIXSocketChannel probe = AFUNIXSocketChannel.open()) {
            probe.configureBlocking(false); // a full backlog makes a blocking connect wait for ever
            probe.connect(address);
        } catch (final ConnectionRefusedSocketException e) {
            Files.deleteIfExists(path);
            return;
        }
        throw new TransportException("socket " + path + " is in use: another process listens on it");
    }

    private static void removeIf(final boolean bound, final Path path) {
        try {
            if (bound) {
                Files.deleteIfExists(path);
            }
        } catch (final IOException e) {
            // The next start replaces a socket file that nobody listens on.
        }
    }

    private static long inode(final Path path) throws IOException {
        return (Long) Files.getAttribute(path, "unix:ino", LinkOption.NOFOLLOW_LINKS);
    }

    /**
     * Waits for a front-end to connect.
     *
     * @return null if none connected before the timeout
     */
    public @Nullable Connection accept() throws IOException {
        try {
            return Connection.over(server.accept());
        } catch (final SocketTimeoutException e) {
            return null;
        }
    }

    /** Makes a waiting {@link #accept} return. Any thread may call this. */
    public void wake() {
        try (AFUNIXSocket socket = AFUNIXSocket.newInstance()) {
            socket.connect(Connection.address(path));
        } catch (final IOException e) {
            // Nobody waits any more, or the file was moved and the wait ends by its own timeout.
        }
    }

    /** Stops listening, and removes the socket file if it still belongs to this listener. */
    @Override
    public void close() {
        try {
            if (inode == inode(path)) {
                Files.deleteIfExists(path);
            }
        } catch (final IOException e) {
            // Somebody else removed the file, or the directory is not writable any more: nothing is left to do.
        }
        closeSocket();
    }

    /**
     * Stops listening in this process only. The process that owns the socket now keeps listening, so the file stays.
     */
    public void relinquish() {
        Inherited.vacate(server::getFileDescriptor, inherited);
        closeSocket();
    }

    private void closeSocket() {
        closeQuietly(server);
        if (inherited != null) {
            inherited.close();
        }
    }

    private static void closeQuietly(final @Nullable AFUNIXServerSocket server) {
        try {
            if (server != null) {
                server.close();
            }
        } catch (final IOException e) {
            // The descriptor is closed all the same.
        }
    }
}
