package io.ringbridge.datapath.os;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The mounted file systems that this process sees. Only the kernel's mount table is read; no file system is called. */
public final class FileSystems {
    private static final String MOUNT = "mnt_id:";
    private static final String SEPARATOR = " - ";

    private FileSystems() {
    }

    /**
     * Returns the type of a file's file system, such as {@code ext4}.
     *
     * @return the type, or an empty string if this process does not see the mount
     */
    public static String type(final int fd) {
        try {
            final String mount = lines("/proc/self/fdinfo/" + fd).stream().filter(line -> line.startsWith(MOUNT))
                .map(line -> line.substring(MOUNT.length()).strip()).findFirst().orElse("");
            return lines("/proc/self/mountinfo").stream()
                .filter(line -> line.startsWith(mount + ' ') && line.contains(SEPARATOR))
                .map(line -> line.substring(line.indexOf(SEPARATOR) + SEPARATOR.length()).split(" ", 2)[0])
                .findFirst().orElse("");
        } catch (final IOException e) {
            return "";
        }
    }

    private static List<String> lines(final String path) throws IOException {
        return Files.readAllLines(Path.of(path));
    }
}
