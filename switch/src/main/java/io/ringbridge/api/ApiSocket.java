package io.ringbridge.api;

import io.ringbridge.config.ConfigException;

import java.io.IOException;
import java.net.ConnectException;
import java.net.SocketException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/** Finds the default path of the API's socket, connects to it, and checks whether a path is free. */
public final class ApiSocket {
    private static final String NAME = "ringbridge/api.sock";
    /** The length of {@code sun_path} in {@code struct sockaddr_un}, without the terminating zero. */
    private static final int MAX_PATH_BYTES = 107;
    /** The longest wait for room in a listener's backlog. */
    private static final long BACKLOG_NANOS = 1_000_000_000;
    private static final long PAUSE_NANOS = 5_000_000;
    private static final int S_IFMT = 0xF000;
    private static final int S_IFSOCK = 0xC000;

    private ApiSocket() {
    }

    /** Returns the default paths of the socket, the preferred one first. */
    public static List<Path> places(final Map<String, String> environment) {
        return RuntimeDirectory.roots(environment).map(dir -> dir.resolve(NAME)).toList();
    }

    /** Returns the first path at which a socket can be created, and creates its directory. */
    public static Optional<Path> writable(final List<Path> places) {
        return places.stream().filter(place -> {
            final Path directory = place.getParent();
            assert directory != null : "a default path is in a directory of its own";
            final Path root = directory.getParent();
            try {
                if (!Files.isDirectory(directory) && root != null && Files.isDirectory(root)) {
                    RuntimeDirectory.create(directory);
                }
                return Files.isWritable(directory);
            } catch (IOException _) {
                return false;
            }
        }).findFirst();
    }

    /**
     * Checks that a Unix socket can have this path.
     *
     * @throws ConfigException if the path is empty or too long
     */
    public static void checkPath(final Path path) {
        final int length = path.toString().getBytes(StandardCharsets.UTF_8).length;
        if (length == 0 || length > MAX_PATH_BYTES) {
            throw new ConfigException("api socket " + path + ": the path has " + length
                + " bytes; 1 to " + MAX_PATH_BYTES + " are allowed for a Unix socket");
        }
    }

    /**
     * Connects to the socket at a path. If the listener's backlog is full, waits for room for at most one second.
     *
     * @throws IOException if the connection fails; the message is for people
     */
    static SocketChannel connect(final Path place) throws IOException {
        final long end = System.nanoTime() + BACKLOG_NANOS;
        while (true) {
            try {
                return connectAtOnce(place);
            } catch (final IOException e) {
                final boolean isFull = e instanceof SocketException && !(e instanceof ConnectException)
                    && isSocket(place) && Files.isWritable(place);
                if (!isFull || System.nanoTime() - end > 0) {
                    throw reason(place, e);
                }
                LockSupport.parkNanos(PAUSE_NANOS);
            }
        }
    }

    private static SocketChannel connectAtOnce(final Path place) throws IOException {
        final SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            channel.configureBlocking(false); // if the backlog is full, a blocking connect never returns
            channel.connect(UnixDomainSocketAddress.of(place));
            channel.configureBlocking(true);
            return channel;
        } catch (final IOException e) {
            channel.close();
            throw e;
        }
    }

    private static IOException reason(final Path place, final IOException failure) {
        final String why;
        if (!Files.exists(place, LinkOption.NOFOLLOW_LINKS)) {
            why = Files.isExecutable(existing(place)) ? "no such socket" : "permission denied at " + existing(place);
        } else if (failure instanceof ConnectException) {
            why = isSocket(place) ? "no process listens on this socket" : "the file is not a socket";
        } else if (!Files.isWritable(place)) {
            why = "permission denied; only the socket's owner and group may use it";
        } else {
            why = "the socket is in use, but its listener does not accept connections";
        }
        return new IOException(why, failure);
    }

    /** Returns the nearest directory above a path that is visible to this process. */
    private static Path existing(final Path path) {
        Path directory = path.toAbsolutePath();
        while (!Files.isDirectory(directory)) {
            final Path above = directory.getParent();
            assert above != null : "the root is a directory";
            directory = above;
        }
        return directory;
    }

    /** Returns the reason why connecting to a path fails. */
    public static String why(final Path place) {
        try (SocketChannel _ = connect(place)) {
            return "a process listens there";
        } catch (final IOException e) {
            return String.valueOf(e.getMessage());
        }
    }

    /** Whether a process listens at a path, even if it does not accept connections at present. */
    public static boolean isLive(final Path place) {
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            channel.configureBlocking(false); // if the backlog is full, a blocking connect never returns
            channel.connect(UnixDomainSocketAddress.of(place));
            return true;
        } catch (ConnectException _) {
            return false;
        } catch (SocketException _) {
            return isSocket(place);
        } catch (IOException _) {
            return false;
        }
    }

    /** Whether nothing exists at a path, or only a stale socket. */
    static boolean isVacant(final Path place) {
        return Files.notExists(place, LinkOption.NOFOLLOW_LINKS) || isSocket(place) && !isLive(place);
    }

    /**
     * Checks that nothing exists at a path, or only a stale socket on which no process listens.
     *
     * @throws IOException if a process listens there, or if the file is not a socket
     */
    public static void checkFree(final Path place) throws IOException {
        checkSocketOrNothing(place);
        if (isLive(place)) {
            throw new IOException("in use: a process listens there");
        }
    }

    /** Checks that a socket may be created at a path: only another socket is ever replaced. */
    static void checkSocketOrNothing(final Path place) throws IOException {
        if (Files.exists(place, LinkOption.NOFOLLOW_LINKS) && !isSocket(place)) {
            throw new IOException("the file at this path is not a socket, and is not replaced");
        }
    }

    /**
     * Removes a stale socket on which no process listens.
     *
     * @throws IOException if a process listens there, or if the file is not a socket
     */
    static void clear(final Path place) throws IOException {
        checkFree(place);
        Files.deleteIfExists(place);
    }

    /** Whether the file at a path is a socket; symbolic links are not followed. */
    static boolean isSocket(final Path place) {
        try {
            return ((Integer) Files.getAttribute(place, "unix:mode", LinkOption.NOFOLLOW_LINKS) & S_IFMT) == S_IFSOCK;
        } catch (IOException _) {
            return false;
        }
    }
}
