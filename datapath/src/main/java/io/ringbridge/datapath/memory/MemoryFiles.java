package io.ringbridge.datapath.memory;

import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.FileSystems;

import java.util.Set;

/**
 * The files that a port accepts as memory: for its guest, the dirty log and the in-flight area.
 *
 * <p>A worker that touches a page waits until the file system has read the page, and all ports of the worker wait too.
 * File systems in memory provide every page at once. Others may take long; FUSE takes as long as its daemon likes.
 */
public enum MemoryFiles {
    /** Files in memory: memfd, tmpfs, hugetlbfs and ramfs. */
    RAM,
    /** All files that can be mapped. */
    ANY;

    /** File systems in memory that do not support seals. */
    private static final Set<String> WITHOUT_SEALS = Set.of("ramfs", "rootfs");

    /**
     * Accepts a file as memory. The file system of a refused file is never called, not even for the file's size.
     *
     * @param fd the file; closed if it is refused
     * @param what the use of the file, for the message
     * @return {@code fd}
     * @throws MemoryException if the file is refused
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
            + (type.isEmpty() ? " is not a file in memory" : " is on " + type + ", where an access may block")
            + "; allowed: memfd, tmpfs (such as /dev/shm), hugetlbfs, ramfs, or any file if the port has memory: any");
    }
}
