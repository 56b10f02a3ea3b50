package io.ringbridge.datapath.os;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

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
}
