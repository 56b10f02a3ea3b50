package io.ringbridge.control.transport;

import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.OsException;
import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.GroupPrincipal;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.UserPrincipal;
import java.nio.file.attribute.UserPrincipalLookupService;
import java.nio.file.attribute.UserPrincipalNotFoundException;

/**
 * The owner, the group and the mode of a socket that the switch creates. Any thread may call.
 *
 * @param mode of the socket file, as in chmod
 * @param owner the name or number of a user; null for the user of the switch
 * @param group the name or number of a group; null for the group of the switch
 */
public record SocketAccess(int mode, @Nullable String owner, @Nullable String group) {
    private static final int OWNER_AND_GROUP = 0660;
    private static final int S_IFMT = 0xF000;
    private static final int S_IFSOCK = 0xC000;

    /** The user and the group of the switch may connect. */
    public static final SocketAccess DEFAULT = of(OWNER_AND_GROUP);

    /** Returns the access of a file that belongs to the user and group of the switch. */
    public static SocketAccess of(final int mode) {
        return new SocketAccess(mode, null, null);
    }

    /**
     * Looks up the owner and the group.
     *
     * @throws TransportException if this host does not have one of them
     */
    public void check(final Path socket) {
        try {
            user(socket);
            groupOf(socket);
        } catch (final IOException e) {
            throw new TransportException("socket " + socket + ": " + e.getMessage(), e);
        }
    }

    /**
     * Gives a socket file its owner, its group and its mode. Does not follow a symbolic link: others may be able to
     * write to the directory of the socket, and replace the file.
     *
     * @throws IOException if that failed; the message names the owner or the group if it is the reason
     */
    public void apply(final Path socket) throws IOException {
        final int fd;
        try {
            fd = Fd.refer(socket.toString());
        } catch (final OsException e) {
            throw new IOException(e.getMessage(), e);
        }
        try {
            applyTo(Path.of("/proc/self/fd/" + fd));
        } finally {
            Fd.close(fd);
        }
    }

    /** Changes the file to which a descriptor refers, whatever is at its path meanwhile. */
    private void applyTo(final Path socket) throws IOException {
        if (((Integer) Files.getAttribute(socket, "unix:mode") & S_IFMT) != S_IFSOCK) {
            throw new IOException("another file has replaced it");
        }
        final UserPrincipal user = user(socket);
        final GroupPrincipal members = groupOf(socket);
        final PosixFileAttributeView file = Files.getFileAttributeView(socket, PosixFileAttributeView.class);
        try {
            if (members != null) {
                file.setGroup(members);
            }
            if (user != null) {
                file.setOwner(user);
            }
        } catch (final IOException e) {
            throw new IOException("cannot give it to " + (owner == null ? "" : "owner " + owner)
                + (owner == null || group == null ? "" : " and ") + (group == null ? "" : "group " + group) + ": "
                + reason(e));
        }
        Files.setAttribute(socket, "unix:mode", mode); // last: a change of the owner may clear bits of the mode
    }

    /** Returns the reason without the path, which is that of a descriptor. */
    private static @Nullable String reason(final IOException e) {
        return e instanceof final FileSystemException failed ? failed.getReason() : e.getMessage();
    }

    private @Nullable UserPrincipal user(final Path socket) throws IOException {
        return owner == null ? null : find("owner", owner, "user", lookup(socket)::lookupPrincipalByName);
    }

    private @Nullable GroupPrincipal groupOf(final Path socket) throws IOException {
        return group == null ? null : find("group", group, "group", lookup(socket)::lookupPrincipalByGroupName);
    }

    private static UserPrincipalLookupService lookup(final Path socket) {
        return socket.getFileSystem().getUserPrincipalLookupService();
    }

    private interface Lookup<T> {
        T find(String name) throws IOException;
    }

    private static <T> T find(final String key, final String name, final String kind, final Lookup<T> lookup)
        throws IOException {
        try {
            return lookup.find(name);
        } catch (UserPrincipalNotFoundException _) {
            throw new IOException(key + ": \"" + name + "\" is not a " + kind + " of this host");
        }
    }
}
