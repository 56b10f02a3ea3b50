package io.ringbridge.datapath.os;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * A file that is large enough for a mapping, but an access to the mapping raises SIGBUS. It is sparse on a full file
 * system, or consists of huge pages that the system does not have.
 */
public final class Holes implements AutoCloseable {
    /** The size of every such file. */
    public static final long SIZE = 1 << 30;

    private static final int O_RDWR = 2;
    private static final int MFD_HUGETLB = 4;
    private static final int MFD_HUGE_1GB = 30 << 26;
    private static final int MFD_HUGE_2MB = 21 << 26;
    private static final String SCRIPT = "mount -t tmpfs -o size=2m none /tmp && cd /tmp && truncate -s " + SIZE
        + " guest && { head -c 4M /dev/zero > full; echo ready; read line; }";

    private final int fd;
    private final Process owner;

    private Holes(final int fd, final Process owner) {
        this.fd = fd;
        this.owner = owner;
    }

    /** Creates a file on a full tmpfs in its own mount namespace, or a file of huge pages if that is not permitted. */
    public static Holes onAFullFileSystem() throws IOException {
        for (final String how : List.of("-Urm", "-m")) {
            final Process owner = new ProcessBuilder("unshare", how, "sh", "-c", SCRIPT)
                .redirectError(ProcessBuilder.Redirect.DISCARD).start();
            final String line = new BufferedReader(
                new InputStreamReader(owner.getInputStream(), StandardCharsets.UTF_8)).readLine();
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

    /** Creates a file of huge pages that the system does not have: of 1 GiB, or else of 2 MiB. */
    public static Holes ofHugePages() {
        final int gigantic = Libc.memfdCreate("holes", MFD_HUGETLB | MFD_HUGE_1GB);
        final int fd = gigantic >= 0 ? gigantic : Libc.memfdCreate("holes", MFD_HUGETLB | MFD_HUGE_2MB);
        if (fd < 0 || Libc.ftruncate(fd, SIZE) < 0) {
            throw new IllegalStateException("the kernel does not support huge pages");
        }
        return new Holes(fd, null);
    }

    /** Returns the file's descriptor; this object still owns it. */
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
