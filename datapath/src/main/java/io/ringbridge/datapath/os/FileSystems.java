package io.ringbridge.datapath.os;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The file systems that this process sees. No file system is asked anything: what the kernel knows of mounts is enough. */
public final class FileSystems {
    private static final String MOUNT = "mnt_id:";
    private static final String SEPARATOR = " - ";

    private FileSystems() {
    }

    /**
     * Returns the type of a file's file system, such as {@code ext4}.
     *
     * @return empty if this process does not see where the file system is mounted
     */
    public static String type(final int fd) {
        try {
            final String mount = lines("/proc/self/fdinfo/" + fd).stream().filter(line -> line.startsWith(MOUNT))
                .map(line -> line.substring(MOUNT.length()).strip()).findFirst().orElse("");
            return lines("/proc/self/mountinfo").stream().filter(line -> line.startsWith(mount + ' ') && line.contains(SEPARATOR))
                .map(line -> line.substring(line.indexOf(SEPARATOR) + SEPARATOR.length()).split(" ", 2)[0]).findFirst().orElse("");
        } catch (final IOException e) {
            return "";
        }
    }

    private static List<String> lines(final String path) throws IOException {
        return Files.readAllLines(Path.of(path));
    }
}
