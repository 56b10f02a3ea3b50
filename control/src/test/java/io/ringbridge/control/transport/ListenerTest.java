package io.ringbridge.control.transport;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.newsclub.net.unix.AFUNIXServerSocket;
import org.newsclub.net.unix.AFUNIXSocketAddress;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class ListenerTest {
    @TempDir
    Path directory;

    private static void assertRefused(final Path path, final String why) {
        final TransportException e = assertThrows(TransportException.class, () -> Listener.open(path, 0660));
        assertTrue(e.getMessage().contains(why) && e.getMessage().contains(path.toString()), e.getMessage());
        assertFalse(e.getMessage().contains("\n"));
    }

    @Test
    void theSocketFileHasItsPermissionsAndIsRemovedOnClose() throws Exception {
        final Path path = directory.resolve("s");
        for (final String permissions : new String[] {"rw-rw----", "rw-------", "rwxrwxrwx"}) {
            int mode = 0;
            for (int i = 0; i < permissions.length(); i++) {
                mode = mode << 1 | (permissions.charAt(i) == '-' ? 0 : 1);
            }
            try (Listener _ = Listener.open(path, mode)) {
                assertEquals(permissions, PosixFilePermissions.toString(Files.getPosixFilePermissions(path)));
            }
            assertFalse(Files.exists(path));
        }
    }

    /** Only root can give a file away; others can name themselves. */
    @Test
    void theSocketFileHasItsOwnerAndItsGroup() throws Exception {
        final Path path = directory.resolve("s");
        final boolean root = (Integer) Files.getAttribute(directory, "unix:uid") == 0;
        final int owner = root ? 1 : (Integer) Files.getAttribute(directory, "unix:uid");
        final int group = root ? 2 : (Integer) Files.getAttribute(directory, "unix:gid");
        final SocketAccess access = new SocketAccess(0620, String.valueOf(owner), String.valueOf(group));
        try (Listener _ = Listener.open(path, access)) {
            assertEquals("rw--w----", PosixFilePermissions.toString(Files.getPosixFilePermissions(path)));
            assertEquals(owner, Files.getAttribute(path, "unix:uid"));
            assertEquals(group, Files.getAttribute(path, "unix:gid"));
        }
    }

    @Test
    void aFileThatHasReplacedTheSocketIsNotChanged() throws IOException {
        final Path target = Files.createFile(directory.resolve("target"),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        final Path link = Files.createSymbolicLink(directory.resolve("link"), target);
        for (final Path each : List.of(link, target)) {
            assertEquals("another file has replaced it",
                assertThrows(IOException.class, () -> SocketAccess.of(0666).apply(each)).getMessage());
        }
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(target)));
    }

    @Test
    void anUnknownOwnerOrGroupLeavesNoFile() {
        final Path path = directory.resolve("s");
        for (final SocketAccess access : new SocketAccess[] {new SocketAccess(0660, "no-such-account", null),
            new SocketAccess(0660, null, "no-such-account")}) {
            final TransportException e = assertThrows(TransportException.class, () -> Listener.open(path, access));
            assertTrue(e.getMessage().matches("socket .*/s: (owner: \"no-such-account\" is not a user|group: "
                + "\"no-such-account\" is not a group) of this host"), e.getMessage());
            assertFalse(Files.exists(path));
        }
    }

    @Test
    void aStaleSocketIsReplaced() throws Exception {
        final Path path = directory.resolve("s");
        try (AFUNIXServerSocket dead = AFUNIXServerSocket.newInstance()) {
            dead.setDeleteOnClose(false);
            dead.bind(AFUNIXSocketAddress.of(path));
        }
        assertTrue(Files.exists(path));
        try (Listener listener = Listener.open(path, 0660); Connection _ = Connection.connect(path)) {
            try (Connection accepted = listener.accept()) {
                assertNotNull(accepted);
            }
        }
    }

    @Test
    void aLiveSocketIsNotStolen() throws Exception {
        final Path path = directory.resolve("s");
        try (Listener listener = Listener.open(path, 0660)) {
            assertRefused(path, "in use");
            try (Connection _ = Connection.connect(path); Connection probe = listener.accept();
                 Connection accepted = listener.accept()) {
                assertNotNull(probe);
                assertNotNull(accepted);
            }
        }
    }

    @Test
    void aLiveSocketWithAFullBacklogIsNotStolen() throws Exception {
        final Path path = directory.resolve("s");
        try (AFUNIXServerSocket busy = AFUNIXServerSocket.newInstance()) {
            busy.bind(AFUNIXSocketAddress.of(path), 1);
            try (Connection _ = Connection.connect(path); Connection _ = Connection.connect(path)) {
                assertRefused(path, "in use");
                assertTrue(Files.exists(path));
            }
        }
    }

    @Test
    void otherFilesAreLeftAlone() throws Exception {
        final Path file = Files.writeString(directory.resolve("file"), "precious");
        assertRefused(file, "not a socket");
        assertEquals("precious", Files.readString(file));
        final Path link = Files.createSymbolicLink(directory.resolve("link"), file);
        assertRefused(link, "not a socket");
        assertTrue(Files.isSymbolicLink(link));
        assertRefused(Files.createDirectory(directory.resolve("d")), "not a socket");
    }

    @Test
    void impossiblePathsAreRefused() {
        assertRefused(directory.resolve("missing").resolve("s"), "not a directory");
        assertRefused(directory.resolve("x".repeat(120)), "107");
    }

    @Test
    void aFileThatReplacedTheSocketIsNotRemoved() throws Exception {
        final Path path = directory.resolve("s");
        try (Listener _ = Listener.open(path, 0660)) {
            Files.delete(path);
            Files.writeString(path, "another's");
        }
        assertEquals("another's", Files.readString(path));
    }
}
