package io.ringbridge.control.backend.ring;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Creates directories that only the user of the switch can access. Any thread may call. */
public final class PrivateDirectory {
    private static final Set<PosixFilePermission> OWNER_ONLY = PosixFilePermissions.fromString("rwx------");
    private static final Path STATUS = Path.of("/proc/self/status");
    /** The real and the effective user, as in {@code proc_pid_status(5)}. */
    private static final Pattern USER = Pattern.compile("^Uid:\\s+\\d+\\s+(\\d+)", Pattern.MULTILINE);

    private PrivateDirectory() {
    }

    /**
     * Creates a directory and its missing parents, or closes an existing directory to other users.
     *
     * @throws IOException if it cannot be created, is a symbolic link or another file, or belongs to another user, who
     * could have put any file there
     */
    public static void make(final Path directory) throws IOException {
        Files.createDirectories(directory, PosixFilePermissions.asFileAttribute(OWNER_ONLY));
        if (!Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
            throw new FileSystemException(directory.toString(), null, "it is a symbolic link");
        }
        if ((Integer) Files.getAttribute(directory, "unix:uid", LinkOption.NOFOLLOW_LINKS) != user()) {
            throw new FileSystemException(directory.toString(), null, "it belongs to another user");
        }
        Files.setPosixFilePermissions(directory, OWNER_ONLY);
    }

    private static int user() throws IOException {
        final Matcher user = USER.matcher(Files.readString(STATUS));
        if (!user.find()) {
            throw new IOException(STATUS + " names no user");
        }
        return Integer.parseUnsignedInt(user.group(1));
    }
}
