package io.ringbridge.control.backend.memory;

import io.ringbridge.datapath.memory.IncomingMemory;
import io.ringbridge.datapath.port.GuestPort;
import org.jspecify.annotations.Nullable;

import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;

/**
 * Fetches the pages that a port's rings lack, on a thread of its own instead of the workers (vhost-user, "Migration",
 * postcopy).
 *
 * <p>A ring waits for one page at a time, so there is room for one page per ring. Rings take turns. Only this thread
 * waits for the front-end to provide a missing page.
 */
final class PageFetcher implements IncomingMemory.Requests, AutoCloseable {
    private static final long NONE = 0;

    private final GuestPort port;
    /** The address of the page that each vring has requested, by the vring's index. */
    private final AtomicLongArray wanted;
    private final Thread thread;
    private volatile @Nullable IncomingMemory memory;
    private volatile boolean ended;
    private long fetched;

    PageFetcher(final GuestPort port) {
        this.port = port;
        wanted = new AtomicLongArray(2 * port.queuePairs());
        thread = Thread.ofPlatform().daemon().name("rb-pages-" + port.name()).start(this::run);
    }

    /** Fetches pages of this memory from now on. */
    void memory(final IncomingMemory next) {
        memory = next;
    }

    @Override
    public void missing(final int vring, final long address) {
        wanted.set(vring, address);
        LockSupport.unpark(thread);
    }

    private void run() {
        while (!ended) {
            boolean any = false;
            for (int vring = 0; vring < wanted.length() && !ended; vring++) {
                final long address = wanted.getAndSet(vring, NONE);
                if (address != NONE) {
                    any = true;
                    fetch(vring, address);
                }
            }
            if (!any && !ended) {
                LockSupport.park(this);
            }
        }
    }

    private void fetch(final int vring, final long address) {
        final IncomingMemory from = memory;
        assert from != null : "rings miss pages of this memory only";
        if (!from.fetch(address)) {
            port.fail("the file behind the guest's memory was truncated while in use");
        }
        fetched++;
        port.pageArrived(vring);
    }

    /** Returns the number of pages fetched. Only valid once the fetcher is closed. */
    long fetched() {
        return fetched;
    }

    /** Ends the thread. It must not be waiting for a page any more. */
    @Override
    public void close() {
        ended = true;
        LockSupport.unpark(thread);
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (final InterruptedException e) {
                interrupted = true; // the memory that the thread uses is about to be unmapped
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
