package io.ringbridge.app.diagnosis;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Describes which users may connect to a socket, from the permissions of the socket and of its directories. Any thread
 * may call.
 */
final class Access {
    private static final String EVERYBODY = "everybody";

    private Access() {
    }

    /** Returns the description as the end of a sentence about the socket. */
    static String of(final Path socket) {
        try {
            final StringBuilder text = new StringBuilder(who(socket, PosixFilePermission.OWNER_WRITE,
                PosixFilePermission.GROUP_WRITE, PosixFilePermission.OTHERS_WRITE)).append(" may connect");
            for (final Path directory : directories(socket)) {
                final String who = who(directory, PosixFilePermission.OWNER_EXECUTE, PosixFilePermission.GROUP_EXECUTE,
                    PosixFilePermission.OTHERS_EXECUTE);
                if (!who.equals(EVERYBODY)) {
                    text.append(", but only ").append(who).append(" may enter ").append(directory);
                }
            }
            return text.toString();
        } catch (final NoSuchFileException e) {
            return "the socket's file was removed, so nobody can connect; remove the port and add it again";
        } catch (final IOException | UnsupportedOperationException e) {
            return "its permissions cannot be read: " + e.getMessage();
        }
    }

    private static List<Path> directories(final Path socket) {
        final List<Path> directories = new ArrayList<>();
        for (Path at = socket.toAbsolutePath().normalize().getParent(); at != null; at = at.getParent()) {
            directories.addFirst(at);
        }
        return directories;
    }

    private static String who(final Path file, final PosixFilePermission owner, final PosixFilePermission group,
                              final PosixFilePermission others) throws IOException {
        final PosixFileAttributes attributes =
            Files.readAttributes(file, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        final Set<PosixFilePermission> permissions = attributes.permissions();
        if (permissions.contains(others)) {
            return EVERYBODY;
        }
        final List<String> who = new ArrayList<>();
        if (permissions.contains(owner)) {
            who.add("user " + attributes.owner().getName());
        }
        if (permissions.contains(group)) {
            who.add("group " + attributes.group().getName());
        }
        if (who.isEmpty()) {
            who.add("root");
        }
        return String.join(" and ", who) + " (" + PosixFilePermissions.toString(permissions) + ")";
    }
}
