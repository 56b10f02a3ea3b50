package io.ringbridge.datapath.os;

import org.jspecify.annotations.Nullable;

import java.util.HashMap;
import java.util.Map;

/**
 * Records whether a system call has truncated, extended or written a file since the watch was created. Stores to a
 * mapping of the file do not count, although they change the times of its inode.
 *
 * <p>All watches share one inotify instance. It is read only when a watch is queried. Only files held in memory are
 * watched: the kernel may ask another file system for permission, and that may not answer. A file that is not watched
 * counts as unchanged. Any thread may call.
 */
public final class FileWatch implements AutoCloseable {
    private static final Map<Integer, Watched> FILES = new HashMap<>();
    private static final Inotify INOTIFY = new Inotify();

    /** A file, which may be watched for several owners. The kernel gives all of them one descriptor. */
    private static final class Watched {
        private final int descriptor;
        private int owners;
        private long changes;

        Watched(final int descriptor) {
            this.descriptor = descriptor;
        }
    }

    private final @Nullable Watched file;
    private final long changesBefore;
    private boolean closed;

    private FileWatch(final @Nullable Watched file) {
        this.file = file;
        changesBefore = file == null ? 0 : file.changes;
    }

    /** Watches a file, whose descriptor stays the caller's. */
    public static FileWatch of(final int fd) {
        if (!Fd.isInMemory(fd)) {
            return new FileWatch(null);
        }
        synchronized (FILES) {
            readChanges();
            final int descriptor = INOTIFY.add(fd);
            if (descriptor < 0) {
                return new FileWatch(null);
            }
            final Watched file = FILES.computeIfAbsent(descriptor, Watched::new);
            file.owners++;
            return new FileWatch(file);
        }
    }

    /** Whether a system call has changed the file. Costs a system call. */
    public boolean isChanged() {
        synchronized (FILES) {
            readChanges();
            return file != null && file.changes != changesBefore;
        }
    }

    private static void readChanges() {
        INOTIFY.read(descriptor -> {
            final Watched changed = FILES.get(descriptor);
            if (changed != null) {
                changed.changes++;
            }
        });
    }

    @Override
    public void close() {
        synchronized (FILES) {
            if (file != null && !closed && --file.owners == 0) {
                FILES.remove(file.descriptor);
                INOTIFY.remove(file.descriptor);
            }
            closed = true;
        }
    }
}
