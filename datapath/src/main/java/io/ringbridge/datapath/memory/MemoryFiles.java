package io.ringbridge.datapath.memory;

import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.FileSystems;

import java.util.Set;

/**
 * The files that a port accepts as memory: of its guest, of the dirty log and of the in-flight area.
 *
 * <p>A worker that touches a page waits until the file system has read it, and all ports of the worker wait with it. File systems
 * that hold their files in memory have every page at once. Others may take long; FUSE takes as long as its daemon likes.
 */
public enum MemoryFiles {
    /** Files in memory: memfd, tmpfs, hugetlbfs and ramfs. */
    RAM,
    /** All files that can be mapped. */
    ANY;

    /** What holds files in memory but does not know seals. */
    private static final Set<String> WITHOUT_SEALS = Set.of("ramfs", "rootfs");

    /**
     * Accepts a file as memory. A file that is not accepted has not been asked anything, not even for its size.
     *
     * @param fd taken over, and closed if it is refused
     * @param what is in the file, for the message
     * @return {@code fd}
     * @throws MemoryException if it is refused
     */
    public int accept(final int fd, final String what) {
        if (this == ANY || Fd.isInMemory(fd)) {
            return fd;
        }
        final String type = FileSystems.type(fd);
        if (WITHOUT_SEALS.contains(type)) {
            return fd;
        }
        final String file = Fd.target(fd);
        Fd.abandon(fd);
        throw new MemoryException(what + ": " + file
            + (type.isEmpty() ? " is not a file in memory" : " is on " + type + ", where an access may have to wait")
            + "; allowed: memfd, tmpfs (such as /dev/shm), hugetlbfs, ramfs, or all files if the port has memory: any");
    }
}
