package io.ringbridge.control.backend.ring;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

/** Tests that a journal replaces nothing but a journal. */
@Timeout(60)
class JournalFileTest {
    @TempDir
    private Path dir;

    @Test
    void onlyARegularFileIsReplaced() throws Exception {
        final Path fifo = dir.resolve("fifo");
        assertEquals(0, new ProcessBuilder("mkfifo", fifo.toString()).start().waitFor());
        final Path precious = Files.writeString(dir.resolve("precious"), "text");
        final Path link = Files.createSymbolicLink(dir.resolve("link"), precious);
        final Path dangling = Files.createSymbolicLink(dir.resolve("dangling"), dir.resolve("none"));
        for (final Path taken : List.of(fifo, link, dangling, dir)) {
            final IOException refused = assertThrows(IOException.class, () -> Journal.open(taken, 256));
            assertEquals(taken + " is not a regular file; it is not replaced", refused.getMessage());
        }
        assertEquals("text", Files.readString(precious));
        assertFalse(Files.exists(dir.resolve("none")));
    }
}
