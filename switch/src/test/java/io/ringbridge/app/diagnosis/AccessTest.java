package io.ringbridge.app.diagnosis;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

import static org.junit.jupiter.api.Assertions.assertTrue;

/** The description of a socket's permissions names the real reason if they cannot be read. */
class AccessTest {
    @TempDir
    Path directory;

    @Test
    void aRemovedSocketIsReportedAsRemoved() {
        assertTrue(Access.of(directory.resolve("gone")).startsWith("the socket's file was removed, "));
    }

    @Test
    void anyOtherErrorIsReportedAsItIs() throws IOException {
        final Path loop = directory.resolve("loop");
        Files.createSymbolicLink(loop, loop);
        final String text = Access.of(loop.resolve("socket"));
        assertTrue(text.startsWith("its permissions cannot be read: ") && text.contains("symbolic links"), text);
    }
}
