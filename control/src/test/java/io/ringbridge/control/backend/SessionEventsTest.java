package io.ringbridge.control.backend;

import io.ringbridge.control.event.Event;
import io.ringbridge.control.event.EventKind;
import io.ringbridge.control.event.Events;
import io.ringbridge.control.event.Subscription;
import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.DatapathOptions;
import io.ringbridge.datapath.port.GuestPort;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests the events that the session of a port reports. */
@Timeout(30)
class SessionEventsTest {
    private static final long FEATURES = Offer.virtio(1);

    @TempDir
    private Path directory;
    private final Events events = new Events();
    private final Subscription subscription = events.subscribe();
    private final PeerGuest guest = new PeerGuest();
    private Datapath datapath;
    private Backend backend;
    private TestPeer peer;

    @BeforeEach
    void attach() throws IOException {
        datapath = Datapath.start(DatapathOptions.DEFAULT, Throwable::printStackTrace);
        final GuestPort port = datapath.addGuestPort("vm1", 1, 1500);
        final Path socket = directory.resolve("s");
        backend = Backend.open(port, BackendOptions.server(socket), events.of("vm1"));
        backend.serve();
        peer = new TestPeer(socket);
    }

    @AfterEach
    void end() {
        peer.close();
        backend.close();
        datapath.close();
        guest.close();
    }

    private Event next() throws InterruptedException {
        final Event event = subscription.next(Duration.ofSeconds(20));
        assertNotNull(event, "no event was reported");
        assertEquals("vm1", event.port());
        return event;
    }

    private List<EventKind> next(final int count) throws InterruptedException {
        final List<EventKind> kinds = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            kinds.add(next().kind());
        }
        return kinds;
    }

    @Test
    void aLifeFromAttachmentToDetachment() throws Exception {
        peer.running(FEATURES, guest, 0, 1);
        final Event attached = next();
        final long pid = ProcessHandle.current().pid();
        final String command = Files.readString(Path.of("/proc/self/comm")).strip();
        assertEquals(EventKind.ATTACHED, attached.kind());
        assertEquals("attached to process " + pid + " (" + command + ")", attached.text());
        assertEquals(Map.of("pid", pid, "command", command, "taken_over", false), attached.details());
        final Event negotiated = next();
        assertEquals(EventKind.NEGOTIATED, negotiated.kind());
        assertTrue(negotiated.text().startsWith("packed rings, 1 queue pair, mtu 1500, features [csum, "),
            negotiated.text());
        assertTrue(negotiated.text().contains("protocol features [mq, log_shmfd, "), negotiated.text());
        assertEquals(1500, negotiated.details().get("mtu"));
        assertEquals(EventKind.RUNNING, next().kind());
        peer.number(new Message.GetVringBase(0));
        peer.number(new Message.GetVringBase(1));
        assertEquals(EventKind.STOPPED, next().kind());
        peer.close();
        final Event detached = next();
        assertEquals(EventKind.DETACHED, detached.kind());
        assertEquals("detached by the front-end", detached.text());
    }

    @Test
    void aSuspensionIsReportedWithItsCauseOnce() throws Exception {
        peer.running(FEATURES, guest, 0, 1);
        assertEquals(List.of(EventKind.ATTACHED, EventKind.NEGOTIATED, EventKind.RUNNING), next(3));
        peer.ack(new Message.Suspend());
        peer.ack(new Message.Suspend());
        final Event suspended = next();
        assertEquals("suspended by the front-end", suspended.text());
        assertEquals(Map.of("by", "front-end"), suspended.details());
        peer.ack(new Message.Resume());
        assertEquals("resumed by the front-end", next().text());
    }

    @Test
    void aFaultyFrontEndIsReportedAsAFailureWithItsReason() throws Exception {
        peer.negotiated(FEATURES);
        assertEquals(List.of(EventKind.ATTACHED, EventKind.NEGOTIATED), next(2));
        peer.send(Request.SET_OWNER, Header.VERSION | Header.REPLY, new byte[0]);
        final Event failed = next();
        assertEquals(EventKind.FAILED, failed.kind());
        assertEquals("detached: SET_OWNER is marked as a reply; only requests are allowed", failed.text());
        assertEquals(failed.text(), "detached: " + failed.details().get("reason"));
    }

    @Test
    void aPortThatClosesIsNotDetachedByItsFrontEnd() throws Exception {
        peer.running(FEATURES, guest, 0, 1);
        assertEquals(List.of(EventKind.ATTACHED, EventKind.NEGOTIATED, EventKind.RUNNING), next(3));
        backend.close();
        assertEquals(EventKind.CLOSED, next().kind());
    }
}
