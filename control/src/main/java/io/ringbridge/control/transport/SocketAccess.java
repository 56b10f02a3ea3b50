package io.ringbridge.control.transport;

import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
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
     * Gives a socket file its owner, its group and its mode.
     *
     * @throws IOException if that failed; the message names the owner or the group if it is the reason
     */
    public void apply(final Path socket) throws IOException {
        final UserPrincipal user = user(socket);
        final GroupPrincipal members = groupOf(socket);
        final PosixFileAttributeView file =
            Files.getFileAttributeView(socket, PosixFileAttributeView.class, LinkOption.NOFOLLOW_LINKS);
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
                + e.getMessage(), e);
        }
        Files.setAttribute(socket, "unix:mode", mode); // last: a change of the owner may clear bits of the mode
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
        } catch (final UserPrincipalNotFoundException e) {
            throw new IOException(key + ": \"" + name + "\" is not a " + kind + " of this host", e);
        }
    }
}
