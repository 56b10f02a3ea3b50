package io.ringbridge.control.backend.ring;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

@Timeout(60)
class PrivateDirectoryTest {
    @TempDir
    private Path dir;

    private static String mode(final Path file) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
    }

    @Test
    void newAndExistingDirectoriesAreClosedToOthers() throws IOException {
        final Path made = dir.resolve("a/b");
        PrivateDirectory.make(made);
        assertEquals("rwx------", mode(made));
        assertEquals("rwx------", mode(dir.resolve("a")));
        Files.setPosixFilePermissions(made, PosixFilePermissions.fromString("rwxr-xr-x"));
        PrivateDirectory.make(made);
        assertEquals("rwx------", mode(made));
    }

    @Test
    void aLinkAndADirectoryOfAnotherUserAreRefusedUnchanged() throws IOException {
        final Path target = Files.createDirectory(dir.resolve("target"),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
        final Path link = Files.createSymbolicLink(dir.resolve("link"), target);
        assertTrue(assertThrows(FileSystemException.class, () -> PrivateDirectory.make(link)).getMessage()
            .endsWith("link: it is a symbolic link"));
        assertEquals("rwxr-xr-x", mode(target));
        // Root belongs to root, and root can give a directory away.
        final boolean isRoot = Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0);
        final Path foreign = isRoot ? Files.setAttribute(target, "unix:uid", 1) : Path.of("/");
        assertTrue(assertThrows(FileSystemException.class, () -> PrivateDirectory.make(foreign)).getMessage()
            .endsWith("it belongs to another user"));
        assertEquals("rwxr-xr-x", mode(foreign));
    }
}
