package io.ringbridge.datapath.os;

import io.ringbridge.datapath.memory.Memory;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

class FileWatchTest {
    private static final long SIZE = 8192;

    @Test
    void aTruncationIsAChangeAndAStoreIsNot() {
        try (MemFd file = MemFd.create("watched", SIZE);
             Mapping mapping = Mapping.map(file.fd(), 0, SIZE);
             FileWatch watch = FileWatch.of(file.fd())) {
            Memory.putLong(mapping.address(), 1);
            Memory.putLong(mapping.address() + 4096, 1);
            assertFalse(watch.isChanged());
            file.resize(0);
            file.resize(SIZE);
            assertTrue(watch.isChanged());
            assertTrue(watch.isChanged(), "a change stays one");
        }
    }

    @Test
    void aFileSystemThatMayNotAnswerIsLeftAlone() throws IOException {
        final Path path = Files.createTempFile(Path.of("target"), "watched", ""); // the build directory is on a disk
        final int fd = Libc.open(path.toString(), 0);
        try (FileWatch watch = FileWatch.of(fd)) {
            Files.writeString(path, "a change");
            assertFalse(watch.isChanged());
        } finally {
            Fd.close(fd);
            Files.delete(path);
        }
    }

    @Test
    void eachWatchOfAFileKnowsTheChangesSinceItWasMade() {
        try (MemFd file = MemFd.create("watched", SIZE);
             MemFd other = MemFd.create("other", SIZE);
             FileWatch before = FileWatch.of(file.fd());
             FileWatch unrelated = FileWatch.of(other.fd())) {
            file.resize(0);
            final FileWatch closed = FileWatch.of(file.fd());
            closed.close();
            try (FileWatch after = FileWatch.of(file.fd())) {
                assertTrue(before.isChanged());
                assertFalse(after.isChanged());
                file.resize(SIZE);
                assertTrue(after.isChanged());
            }
            assertFalse(unrelated.isChanged());
        }
    }
}
