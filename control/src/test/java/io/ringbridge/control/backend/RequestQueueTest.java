package io.ringbridge.control.backend;

import io.ringbridge.control.backend.ring.BackendChannel;
import io.ringbridge.control.backend.ring.Outgoing;
import io.ringbridge.control.protocol.BackendRequest;
import io.ringbridge.control.protocol.Codec;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.os.Fd;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.util.ArrayList;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

@Timeout(20)
class RequestQueueTest {
    private final RequestQueue queue = new RequestQueue();

    @AfterEach
    void close() {
        queue.close();
    }

    private static Outgoing call(final int vring) {
        return new Outgoing(BackendRequest.VRING_CALL, Codec.vringState(vring, 0), null);
    }

    @Test
    void equalRequestsWaitOnceInTheOrderOfTheFirst() {
        queue.add(call(1));
        queue.add(call(0));
        queue.add(call(1));
        assertEquals(call(1), queue.poll());
        assertEquals(call(0), queue.poll());
        assertNull(queue.poll());
    }

    @Test
    void requestsBeyondTheLimitAreDropped() {
        for (int i = 0; i <= RequestQueue.MAX_WAITING; i++) {
            queue.add(call(i));
        }
        assertEquals(RequestQueue.MAX_WAITING, queue.collectAll().size());
    }

    @Test
    void anEventStaysSignalledWhilePostedRequestsWait() {
        final EventFd event = queue.event(() -> call(5), _ -> { });
        queue.add(call(0));
        event.signal();
        assertEquals(call(0), queue.poll());
        assertTrue(queue.isEmpty());
        assertEquals(call(5), queue.poll());
        assertFalse(event.drain(), "its request has been taken");
        assertNull(queue.poll());
    }

    @Test
    void allRequestsIncludeThoseOfSignalledEvents() {
        queue.event(() -> call(5), _ -> { }).signal();
        queue.add(call(0));
        assertEquals(List.of(call(0), call(5)), List.copyOf(queue.collectAll()));
    }

    @Test
    void aSourceHasOneEventUntilTheQueueIsClosed() {
        final BackendChannel.Source source = () -> call(3);
        final List<EventFd> created = new ArrayList<>();
        final int fd;
        try (RequestQueue closed = new RequestQueue()) {
            final EventFd event = closed.event(source, created::add);
            assertSame(event, closed.event(source, created::add));
            assertEquals(List.of(event), created);
            fd = event.fd();
        }
        assertEquals("", Fd.target(fd));
    }
}
