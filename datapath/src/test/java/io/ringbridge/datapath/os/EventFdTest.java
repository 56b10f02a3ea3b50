package io.ringbridge.datapath.os;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A descriptor that a peer holds as well. */
@Timeout(value = 20, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class EventFdTest {
    private static final int F_SETFL = 4;

    @Test
    void drainingDoesNotWaitThoughThePeerHasMadeItBlocking() {
        final EventFd event = EventFd.create();
        try (Epoll epoll = Epoll.create()) {
            epoll.add(event);
            assertTrue(Libc.fcntl(event.fd(), F_SETFL, 0) >= 0);
            assertFalse(event.drain());
            event.signal();
            assertTrue(epoll.await(0));
            assertTrue(event.drain(), "the peer is faster");
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
    void signallingDoesNotWaitThoughThePeerHasMadeItBlockingAndFull() {
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
            assertTrue(event.drain(), "it goes on when there is room");
        } finally {
            event.close();
        }
    }

    @Test
    void everySignalCounts() throws InterruptedException {
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
