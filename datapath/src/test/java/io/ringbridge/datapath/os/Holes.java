package io.ringbridge.datapath.os;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * A file whose size covers a mapping, and a touch of which raises SIGBUS all the same: sparse, on a file system that is full, or of huge
 * pages that the system does not have.
 */
public final class Holes implements AutoCloseable {
    /** The size of every such file. */
    public static final long SIZE = 1 << 30;

    private static final int O_RDWR = 2;
    private static final int MFD_HUGETLB = 4;
    private static final int MFD_HUGE_1GB = 30 << 26;
    private static final int MFD_HUGE_2MB = 21 << 26;
    private static final String SCRIPT = "mount -t tmpfs -o size=2m none /tmp && cd /tmp && truncate -s " + SIZE + " guest "
        + "&& { head -c 4M /dev/zero > full; echo ready; read line; }";

    private final int fd;
    private final Process owner;

    private Holes(final int fd, final Process owner) {
        this.fd = fd;
        this.owner = owner;
    }

    /** Makes a file on a full tmpfs of a mount namespace of its own; of huge pages if that is not permitted. */
    public static Holes onAFullFileSystem() throws IOException {
        for (final String how : List.of("-Urm", "-m")) {
            final Process owner = new ProcessBuilder("unshare", how, "sh", "-c", SCRIPT)
                .redirectError(ProcessBuilder.Redirect.DISCARD).start();
            final String line = new BufferedReader(new InputStreamReader(owner.getInputStream(), StandardCharsets.UTF_8)).readLine();
            if ("ready".equals(line)) {
                final int fd = Libc.open("/proc/" + owner.pid() + "/root/tmp/guest", O_RDWR);
                if (fd >= 0) {
                    return new Holes(fd, owner);
                }
            }
            owner.destroy();
        }
        return ofHugePages();
    }

    /** Makes a file of huge pages, of which the system has none: of 1 GiB, or of 2 MiB if there are no others. */
    public static Holes ofHugePages() {
        final int gigantic = Libc.memfdCreate("holes", MFD_HUGETLB | MFD_HUGE_1GB);
        final int fd = gigantic >= 0 ? gigantic : Libc.memfdCreate("holes", MFD_HUGETLB | MFD_HUGE_2MB);
        if (fd < 0 || Libc.ftruncate(fd, SIZE) < 0) {
            throw new IllegalStateException("the kernel has no huge pages at all");
        }
        return new Holes(fd, null);
    }

    /** The file's descriptor; it remains this object's. */
    public int fd() {
        return fd;
    }

    @Override
    public void close() throws IOException {
        Fd.close(fd);
        if (owner != null) {
            try (OutputStream end = owner.getOutputStream()) {
                end.write('\n');
            }
        }
    }
}
