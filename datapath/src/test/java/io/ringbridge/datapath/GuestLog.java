package io.ringbridge.datapath;

import io.ringbridge.datapath.driver.GuestRam;
import io.ringbridge.datapath.memory.DirtyLog;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.Mapping;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.testkit.TestGuest;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;

/** A guest's dirty log, and a copy of its memory for comparison. Pages are numbered from the guest's first page. */
final class GuestLog implements AutoCloseable {
    private static final int PAGES = (int) (TestGuest.MEMORY / DirtyLog.PAGE_SIZE);
    private static final long BYTES = (GuestRam.GUEST_ADDRESS + TestGuest.MEMORY) / DirtyLog.PAGE_SIZE / 8;
    private static final long FIRST = GuestRam.GUEST_ADDRESS / DirtyLog.PAGE_SIZE;

    final EventFd changed = EventFd.create();
    final MemFd file = MemFd.create("log", BYTES);
    final DirtyLog log = DirtyLog.map(Fd.duplicate(file.fd()), 0, BYTES);
    private final Mapping view = Mapping.map(file.fd(), 0, BYTES);
    private final MemFd copyFile = MemFd.create("copy", TestGuest.MEMORY);
    private final Mapping copy = Mapping.map(copyFile.fd(), 0, TestGuest.MEMORY);
    private final TestGuest guest;

    GuestLog(final TestGuest guest) {
        this.guest = guest;
    }

    /** Turns logging to this log on for the guest's port. */
    GuestLog begin() {
        guest.port.setLog(log, changed);
        return this;
    }

    /** Copies the memory, and clears the log. */
    void reset() {
        Memory.copy(guest.ram.address(), copy.address(), (int) TestGuest.MEMORY);
        marked();
        signals();
    }

    /** Returns the pages that differ from the copy. */
    Set<Long> changedPages() {
        final Set<Long> pages = new TreeSet<>();
        for (long page = 0; page < PAGES; page++) {
            for (long at = page * DirtyLog.PAGE_SIZE; at < (page + 1) * DirtyLog.PAGE_SIZE; at += 8) {
                if (Memory.getLong(guest.ram.address() + at) != Memory.getLong(copy.address() + at)) {
                    pages.add(page);
                    break;
                }
            }
        }
        return pages;
    }

    /** Returns the pages that are marked, and clears their marks. */
    Set<Long> marked() {
        final Set<Long> pages = new TreeSet<>();
        for (long at = 0; at < BYTES; at++) {
            final int bits = Memory.getByte(view.address() + at);
            for (int bit = 0; bits != 0 && bit < 8; bit++) {
                if ((bits >> bit & 1) != 0) {
                    pages.add(at * 8 + bit - FIRST);
                }
            }
        }
        Memory.zero(view.address(), BYTES);
        return pages;
    }

    /** Returns the number of signals since the last call. */
    long signals() {
        try {
            final long count = Files.readAllLines(Path.of("/proc/self/fdinfo/" + changed.fd())).stream()
                .filter(line -> line.startsWith("eventfd-count:"))
                .mapToLong(line -> Long.parseLong(line.substring(14).strip(), 16)).sum();
            changed.drain();
            return count;
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Frees the log. The guest's port must not log to it any more. */
    @Override
    public void close() {
        log.close();
        view.close();
        file.close();
        copy.close();
        copyFile.close();
        changed.close();
    }
}
