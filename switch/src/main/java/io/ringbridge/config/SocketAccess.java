package io.ringbridge.config;

import org.jspecify.annotations.Nullable;

/**
 * The access to a socket's file.
 *
 * @param owner the name of a user; null for the user of this process
 * @param group the name of a group; null for the group of this process
 * @param mode as in chmod
 */
public record SocketAccess(@Nullable String owner, @Nullable String group, int mode) {
    private static final int OWNER_AND_GROUP = 0660;

    /** The owner and the group of this process may connect. */
    public static final SocketAccess DEFAULT = new SocketAccess(null, null, OWNER_AND_GROUP);
}
