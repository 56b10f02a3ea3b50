package io.ringbridge.datapath.os;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The accesses that would raise SIGBUS, with both ways to probe them. */
@Timeout(30)
class MemoryProbeTest {
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void pagesBeyondTheEndOfATruncatedFileAreNotThere(final boolean populates) {
        try (MemFd file = MemFd.create("probed", 1 << 16);
             Mapping mapping = Mapping.map(file.fd(), 0, 1 << 16)) {
            assertTrue(MemoryProbe.isThere(mapping.address(), mapping.size(), true, populates));
            file.resize(8192);
            assertTrue(MemoryProbe.isThere(mapping.address() + 100, 8000, true, populates));
            assertTrue(MemoryProbe.isThere(mapping.address(), 0, true, populates));
            assertFalse(MemoryProbe.isThere(mapping.address() + 8191, 2, false, populates));
            assertFalse(MemoryProbe.isThere(mapping.address() + 20_000, 1, true, populates));
            file.resize(1 << 16);
            assertTrue(MemoryProbe.isThere(mapping.address(), mapping.size(), true, populates));
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void pagesWithoutRoomInTheirFileSystemAreNotThere(final boolean populates) throws Exception {
        try (Holes full = Holes.onAFullFileSystem();
             Holes huge = Holes.ofHugePages();
             Mapping ofFull = Mapping.map(full.fd(), 0, Holes.SIZE);
             Mapping ofHuge = Mapping.map(huge.fd(), 0, Holes.SIZE)) {
            assertFalse(MemoryProbe.isThere(ofFull.address() + 5000, 10, false, populates));
            assertFalse(MemoryProbe.isThere(ofHuge.address() + 5000, 10, false, populates));
        }
    }

    @Test
    void aWriteProbeFindsAFullFileSystem() throws Exception {
        try (Holes full = Holes.onAFullFileSystem();
             Mapping ofFull = Mapping.map(full.fd(), 0, Holes.SIZE)) {
            assertFalse(MemoryProbe.isThere(ofFull.address(), 1, true));
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void pagesThatAreNotMappedAnyMoreCountAsThere(final boolean populates) {
        final Mapping mapping = Mapping.anonymous(4096);
        mapping.close();
        assertTrue(MemoryProbe.isThere(mapping.address(), 4096, false, populates));
    }
}
