package io.ringbridge.api;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/** Creates directories for sockets and state below {@code /run}, which is empty after each boot. */
public final class RuntimeDirectory {
    private static final FileAttribute<Set<PosixFilePermission>> PERMISSIONS =
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-x---"));

    private RuntimeDirectory() {
    }

    /** Returns the directories that the system empties at each boot or at the end of a login session. */
    static Stream<Path> roots(final Map<String, String> environment) {
        return Stream.of("/run", environment.get("XDG_RUNTIME_DIR")).filter(root -> root != null && !root.isEmpty())
            .map(Path::of);
    }

    /** Creates the directory of a file if it is missing and is below {@code /run} or {@code $XDG_RUNTIME_DIR}. */
    public static void makeFor(final Path file) throws IOException {
        final Path directory = file.toAbsolutePath().normalize().getParent();
        if (directory != null && !Files.isDirectory(directory) && isBelow(directory, roots(System.getenv()).toList())) {
            create(directory);
        }
    }

    /**
     * Whether a directory, which need not exist, is below one of the roots. Symbolic links such as {@code /var/run} are
     * followed.
     */
    static boolean isBelow(final Path directory, final List<Path> roots) throws IOException {
        Path existing = directory;
        while (!Files.exists(existing)) {
            final Path above = existing.getParent();
            assert above != null : "the root exists";
            existing = above;
        }
        final Path real = existing.toRealPath();
        for (final Path root : roots) {
            if (Files.isDirectory(root) && real.startsWith(root.toRealPath())) {
                return true;
            }
        }
        return false;
    }

    /** Creates a directory and its missing parents, accessible to this user and its group only. */
    static void create(final Path directory) throws IOException {
        final List<Path> missing = new ArrayList<>();
        for (Path each = directory; each != null && !Files.exists(each); each = each.getParent()) {
            missing.addFirst(each);
        }
        for (final Path each : missing) {
            try {
                Files.createDirectory(each, PERMISSIONS);
            } catch (final FileAlreadyExistsException e) {
                if (!Files.isDirectory(each)) {
                    throw e;
                }
            }
        }
    }
}
