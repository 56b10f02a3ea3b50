package io.ringbridge.datapath.os;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** An eventfd that a peer shares. */
@Timeout(value = 20, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class EventFdTest {
    private static final int F_SETFL = 4;

    @Test
    void drainDoesNotWaitIfThePeerMakesTheEventfdBlocking() {
        final EventFd event = EventFd.create();
        try (Epoll epoll = Epoll.create()) {
            epoll.add(event);
            assertTrue(Libc.fcntl(event.fd(), F_SETFL, 0) >= 0);
            assertFalse(event.drain());
            event.signal();
            assertTrue(epoll.await(0));
            assertTrue(event.drain(), "the count is reset before Epoll drains it");
            epoll.drain();
            event.signal();
            assertTrue(epoll.await(0));
            epoll.drain();
            assertFalse(epoll.await(0));
        } finally {
            event.close();
        }
    }

    @Test
    void signalDoesNotWaitIfThePeerMakesTheEventfdBlockingAndFull() {
        final EventFd event = EventFd.create();
        try (Arena arena = Arena.ofConfined()) {
            assertTrue(Libc.fcntl(event.fd(), F_SETFL, 0) >= 0);
            final MemorySegment most = arena.allocateFrom(JAVA_LONG, -2);
            final MemorySegment iovec = arena.allocateFrom(JAVA_LONG, most.address(), Long.BYTES);
            assertEquals(Long.BYTES, Libc.writev(event.fd(), iovec.address(), 1));
            for (int i = 0; i < 1000; i++) {
                event.signal();
            }
            assertTrue(event.drain());
            event.signal();
            assertTrue(event.drain(), "signals are counted again when there is room");
        } finally {
            event.close();
        }
    }

    @Test
    void everySignalOfSeveralThreadsIsCounted() throws InterruptedException {
        final EventFd event = EventFd.create();
        try (Arena arena = Arena.ofConfined()) {
            final Thread other = new Thread(() -> signal(event, 100_000));
            other.start();
            signal(event, 100_000);
            other.join();
            final MemorySegment count = arena.allocate(JAVA_LONG);
            assertEquals(Long.BYTES, Libc.read(event.fd(), count.address(), Long.BYTES));
            assertEquals(200_000, count.get(JAVA_LONG, 0));
        } finally {
            event.close();
        }
    }

    private static void signal(final EventFd event, final int times) {
        for (int i = 0; i < times; i++) {
            event.signal();
        }
    }
}
