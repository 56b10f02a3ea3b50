package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.trace.MessageTrace;
import io.ringbridge.control.trace.TracedMessage;
import io.ringbridge.control.trace.TracedMessage.Kind;
import io.ringbridge.control.trace.TracedMessage.Result;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.Await;
import org.junit.jupiter.api.Test;

import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests what a port's trace keeps of its sessions, with front-ends that send good and bad messages. */
class MessageTraceTest extends SessionFixture {
    private static final long PLAIN = Features.of(Features.VERSION_1, Features.MRG_RXBUF, Features.PROTOCOL_FEATURES);

    MessageTraceTest() {
        super(1, defaults -> defaults.with(ProtocolFeature.INBAND_NOTIFICATIONS));
    }

    private List<TracedMessage> trace() {
        return fixture.backend.trace().last(MessageTrace.CAPACITY);
    }

    private TracedMessage last(final Kind kind, final String name) {
        return trace().reversed().stream().filter(message -> message.kind() == kind && message.name().equals(name))
            .findFirst().orElseThrow(() -> new AssertionError(kind + " " + name + " is not in " + trace()));
    }

    private void awaitEnd() {
        Await.until(() -> trace().getLast().name().equals("detached"));
    }

    @Test
    void requestsAndRepliesAppearInWords() throws Exception {
        try (TestPeer peer = fixture.peer()) {
            peer.running(PLAIN, guest, 0, 1);
            assertEquals(0, peer.ack(new Message.SetStatus(7)));
        }
        awaitEnd();
        final List<TracedMessage> all = trace();
        assertEquals("attached", all.getFirst().name());
        assertTrue(all.getFirst().values().get("peer").startsWith("process "), all.getFirst().line());
        assertEquals("mrg_rxbuf protocol_features version_1",
            last(Kind.REQUEST, "SET_FEATURES").values().get("features"));
        assertTrue(last(Kind.REPLY, "GET_FEATURES").content().contains("ring_packed"));
        final TracedMessage table = last(Kind.REQUEST, "SET_MEM_TABLE");
        assertEquals("guest 0x" + Long.toHexString(TestPeer.GUEST) + " size 0x100000 user 0x7f0000000000 offset 0x0",
            table.values().get("regions"));
        assertEquals(1, table.descriptors());
        assertEquals(40, table.bytes());
        assertEquals("vring=1, size=256", last(Kind.REQUEST, "SET_VRING_NUM").content());
        assertEquals("vring=1, descriptors=0x7f0000010000, available=0x7f0000014000, used=0x7f0000018000, log=0x0,"
            + " flags=0x0", last(Kind.REQUEST, "SET_VRING_ADDR").content());
        assertEquals("status=acknowledge driver driver_ok", last(Kind.REQUEST, "SET_STATUS").content());
        assertEquals("result=0", last(Kind.REPLY, "SET_STATUS").content());
        all.forEach(message -> assertEquals(Result.OK, message.result(), message.line()));
        for (int i = 1; i < all.size(); i++) {
            assertTrue(!all.get(i).time().isBefore(all.get(i - 1).time()), "the trace is in order");
        }
    }

    @Test
    void aRefusalAppearsWithItsReason() throws Exception {
        try (TestPeer peer = fixture.peer()) {
            peer.negotiated(PLAIN);
            assertEquals(1, peer.ack(new Message.SetVringNum(0, 3)));
            peer.connection.send(77, Header.VERSION | Header.NEED_REPLY, new byte[2]);
            assertEquals(77, peer.receive().header().request());
        }
        final TracedMessage refused = last(Kind.REQUEST, "SET_VRING_NUM");
        assertEquals(Result.REFUSED, refused.result());
        assertTrue(refused.why().contains("3"), refused.why());
        assertEquals("result=1", last(Kind.REPLY, "SET_VRING_NUM").content());
        assertEquals(Result.REFUSED, last(Kind.REQUEST, "request 77").result());
    }

    @Test
    void theMessageThatEndsASessionAppearsWithTheReason() throws Exception {
        try (TestPeer peer = fixture.peer()) {
            peer.negotiated(PLAIN);
            peer.send(Request.SET_VRING_NUM, Header.VERSION, new byte[5]);
            assertTrue(peer.ended());
        }
        awaitEnd();
        final TracedMessage fatal = last(Kind.REQUEST, "SET_VRING_NUM");
        assertEquals(Result.FAILED, fatal.result());
        assertEquals("SET_VRING_NUM has a payload of 5 bytes; allowed: 8", fatal.why());
        assertEquals(fatal.why(), last(Kind.SESSION, "detached").why());
    }

    @Test
    void theTraceSurvivesTheSession() throws Exception {
        for (int i = 0; i < 2; i++) {
            try (TestPeer peer = fixture.peer()) {
                peer.number(new Message.GetFeatures());
            }
            awaitEnd();
            fixture.awaitDetached();
        }
        assertEquals(List.of("attached", "GET_FEATURES", "GET_FEATURES", "detached", "attached", "GET_FEATURES",
            "GET_FEATURES", "detached"), trace().stream().map(TracedMessage::name).toList());
        assertNull(trace().getLast().why(), "the front-end has closed the connection between two messages");
    }

    @Test
    void onlyTheLastMessagesAreKept() throws Exception {
        try (TestPeer peer = fixture.peer()) {
            for (int i = 0; i < MessageTrace.CAPACITY; i++) {
                peer.number(new Message.GetFeatures());
            }
            peer.number(new Message.GetProtocolFeatures());
            assertEquals(MessageTrace.CAPACITY, trace().size());
            Await.until(() -> last(Kind.REPLY, "GET_PROTOCOL_FEATURES").result() == Result.OK);
        }
    }

    @Test
    void notificationsAreCountedInOneEntry() throws Exception {
        final int kicks = 1000;
        try (TestPeer peer = fixture.peer()) {
            peer.protocol(TestPeer.PROTOCOL | ProtocolFeature.INBAND_NOTIFICATIONS.mask()).negotiated(PLAIN);
            peer.send(TestPeer.table(), guest.fd());
            peer.send(new Message.SetVringNum(1, 256));
            peer.send(TestPeer.address(1));
            for (int i = 0; i < kicks; i++) {
                peer.send(new Message.VringKick(1, 0));
            }
            peer.number(new Message.GetFeatures());
        }
        assertEquals(kicks, last(Kind.REQUEST, "VRING_KICK").times());
        assertEquals(1, trace().stream().filter(message -> message.name().equals("VRING_KICK")).count());
        assertEquals(Result.OK, last(Kind.REQUEST, "SET_FEATURES").result());
    }

    @Test
    void requestsOfTheBackendAppearWithTheAnswer() throws Exception {
        try (TestPeer peer = fixture.peer(); RequestSocket requests = new RequestSocket()) {
            peer.negotiated(PLAIN);
            requests.giveTo(peer);
            assertEquals(0, peer.ack(new Message.NetSetMtu(1400)));
            requests.receive().close();
            Await.until(() -> last(Kind.BACKEND_REQUEST, "CONFIG_CHANGE_MSG").result() == Result.IN_PROGRESS);
            requests.connection.send(2, Header.VERSION | Header.REPLY, new byte[] {9, 0, 0, 0, 0, 0, 0, 0});
            Await.until(() -> last(Kind.BACKEND_REQUEST, "CONFIG_CHANGE_MSG").result() == Result.REFUSED);
            assertEquals("the front-end answers 9", last(Kind.BACKEND_REQUEST, "CONFIG_CHANGE_MSG").why());
        }
    }
}
