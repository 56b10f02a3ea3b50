package io.ringbridge.control.backend;

import io.ringbridge.control.backend.StateTable.Row;
import io.ringbridge.control.backend.StateTable.State;
import io.ringbridge.control.protocol.Codec;
import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.datapath.os.Userfault;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.testkit.Await;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.newsclub.net.unix.AFPipe;
import org.newsclub.net.unix.FileDescriptorCast;

import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/**
 * Tests every request in every state: its reply and the resulting state. While the device is suspended, nothing else
 * may happen.
 */
class StateTableTest extends SessionFixture {
    /** Requests whose own reply reports success or failure. */
    private static final Set<Request> RESULTS = EnumSet.of(Request.IOTLB_MSG, Request.POSTCOPY_END,
        Request.SET_DEVICE_STATE_FD,
        Request.CHECK_DEVICE_STATE, Request.CREATE_CRYPTO_SESSION, Request.GET_SHMEM_CONFIG,
        Request.GET_VRING_BASE_SKIP_DRAIN);
    /**
     * The bits of the result. A higher bit in the reply to SET_DEVICE_STATE_FD reports whether a descriptor comes with
     * it.
     */
    private static final int RESULT = 0xFF;

    private MemFd area;
    private EventFd call;
    private AFPipe pipe;

    StateTableTest() {
        super(2, StateTable::options);
    }

    @BeforeEach
    void createDescriptors() throws IOException {
        area = MemFd.create("area", StateTable.AREA);
        call = EventFd.create();
        pipe = AFPipe.open();
    }

    @AfterEach
    void closeDescriptors() throws IOException {
        area.close();
        call.close();
        pipe.close();
    }

    /** Brings the device into a state, and then makes one frame available in the transmit ring. */
    private void enter(final TestPeer peer, final long protocol, final State state) throws IOException {
        guest.available(0);
        guest.used(0);
        if (ProtocolFeature.PAGEFAULT.in(protocol)) {
            peer.protocol(TestPeer.BESIDE_POSTCOPY);
        }
        if (state == State.CONNECTED) {
            peer.negotiated(StateTable.WITH_STATUS_BIT);
        } else {
            peer.running(StateTable.WITH_STATUS_BIT, guest, 0, 1);
            assertEquals(0, peer.ack(new Message.SetVringFd(Request.SET_VRING_CALL, 0, true), call.fd()));
            assertEquals(0, peer.ack(new Message.SetVringFd(Request.SET_VRING_CALL, 1, true), call.fd()));
        }
        assertEquals(0, peer.ack(new Message.SetProtocolFeatures(protocol)));
        assertEquals(0, peer.ack(new Message.SetStatus(StateTable.RUNS)));
        switch (state) {
            case RUNNING, CONNECTED -> { }
            case BY_FRONT_END -> peer.ack(new Message.Suspend());
            case BY_DRIVER -> peer.ack(new Message.SetStatus(StateTable.RUNS | StateTable.SUSPEND_BIT));
            case BY_BOTH -> {
                peer.ack(new Message.Suspend());
                peer.ack(new Message.SetStatus(StateTable.RUNS | StateTable.SUSPEND_BIT));
            }
            case BY_OPERATOR -> fixture.port.suspend(SuspendCause.OPERATOR);
            case ALL_STOPPED -> stop(peer);
            default -> {
                peer.ack(new Message.Suspend());
                stop(peer);
            }
        }
        assertEquals(switch (state) {
            case RUNNING -> PortState.RUNNING;
            case CONNECTED -> PortState.CONNECTED;
            default -> PortState.SUSPENDED;
        }, fixture.port.state());
        guest.transmit();
    }

    private static void stop(final TestPeer peer) throws IOException {
        for (final int vring : new int[] {0, 1}) {
            assertEquals(0, Codec.vringNumber(peer.reply(new Message.GetVringBase(vring)), vring));
        }
    }

    /** Lets the worker complete some duty cycles, in which it would serve any ring that it may serve. */
    private void runDutyCycles() {
        for (int i = 0; i < 3; i++) {
            fixture.port.enableRing(3, false);
        }
    }

    private int[] descriptors(final Message message, final RequestSocket requests) throws IOException {
        return switch (message) {
            case Message.SetMemTable _, Message.AddMemReg _ -> new int[] {guest.fd()};
            case Message.SetVringFd m when m.hasDescriptor() ->
                new int[] {m.request() == Request.SET_VRING_KICK ? guest.event.fd() : call.fd()};
            case Message.SetLogFd _ -> new int[] {call.fd()};
            case Message.SetLogBase _ -> new int[] {area.fd()};
            case Message.InflightFd m when m.request() == Request.SET_INFLIGHT_FD -> new int[] {area.fd()};
            case Message.SetBackendReqFd _ -> new int[] {requests.given()};
            case Message.SetDeviceStateFd _ ->
                new int[] {FileDescriptorCast.using(pipe.sink().getFileDescriptor()).as(Integer.class)};
            case Message.Unserved m -> m.request().descriptors().min() == 0 ? new int[0] : new int[] {call.fd()};
            default -> new int[0];
        };
    }

    private static byte[] payload(final Message message) {
        return message instanceof Message.Unserved ? new byte[message.request().payload().min()]
            : Codec.encode(message);
    }

    /**
     * Sends a request with the descriptors it needs.
     *
     * @return {@code R} for success, {@code r} for a refusal, {@code x} for the end of the connection
     */
    private char request(final TestPeer peer, final RequestSocket requests, final Message message) throws IOException {
        final Request request = message.request();
        final byte[] payload = payload(message);
        peer.send(request, Header.VERSION | Header.NEED_REPLY, payload, descriptors(message, requests));
        try (Packet reply = peer.receive()) {
            if (reply == null) {
                return 'x';
            }
            assertEquals(request.id(), reply.header().request());
            assertEquals(Header.VERSION | Header.REPLY, reply.header().flags());
            assertEquals(request == Request.POSTCOPY_ADVISE || request == Request.GET_INFLIGHT_FD ? 1 : 0,
                reply.descriptors().count());
            if (request.reply() == Request.Reply.ACK || RESULTS.contains(request)) {
                return (Codec.number(reply.payload()) & RESULT) == 0 ? 'R' : 'r';
            }
            switch (request) {
                case SET_LOG_BASE, GET_SHARED_OBJECT -> assertArrayEquals(payload, reply.payload());
                case GET_CONFIG, GET_INFLIGHT_FD, POSTCOPY_ADVISE ->
                    assertEquals(payload.length, reply.payload().length);
                default -> assertEquals(Long.BYTES, reply.payload().length);
            }
            return 'R';
        }
    }

    private void check(final List<Row> rows, final long protocol) throws IOException {
        for (final State state : State.values()) {
            for (final Row row : rows) {
                check(state, row, protocol);
            }
        }
    }

    private void check(final State state, final Row row, final long protocol) throws IOException {
        final char outcome = row.outcomes().charAt(state.ordinal());
        final String cell = row.before() + " " + row.message() + " in " + state;
        try (RequestSocket requests = new RequestSocket(); RequestSocket other = new RequestSocket()) {
            try (TestPeer peer = fixture.peer()) {
                enter(peer, protocol, state);
                assertEquals(0, requests.giveTo(peer));
                for (final Message message : row.before()) {
                    request(peer, other, message);
                }
                call.drain();
                final long before = guest.checksum();
                final char answer = request(peer, other, row.message());
                assertEquals(outcome == 'x' ? 'x' : Character.isUpperCase(outcome) ? 'R' : 'r', answer, cell);
                if (answer != 'x') {
                    check(state, Character.toUpperCase(outcome), before, cell);
                }
            }
            if (state != State.RUNNING && state != State.CONNECTED && Character.toUpperCase(outcome) == 'S') {
                assertNull(requests.receive(), () -> cell + " sends a request to the front-end");
            }
            fixture.port.resume(SuspendCause.OPERATOR);
            fixture.awaitDetached();
        }
    }

    private void check(final State state, final char outcome, final long before, final String cell) {
        assertEquals(switch (outcome) {
            case 'R' -> PortState.RUNNING;
            case 'S' -> PortState.SUSPENDED;
            default -> PortState.CONNECTED;
        }, fixture.port.state(), cell);
        if (outcome == 'R') {
            Await.until(() -> guest.used() == 1);
        } else if (state != State.RUNNING) {
            runDutyCycles();
            assertEquals(before, guest.checksum(), () -> cell + " touches the guest's memory");
            assertFalse(call.drain(), () -> cell + " signals");
        }
    }

    @Test
    void everyRequestHasARow() {
        assertEquals(EnumSet.allOf(Request.class),
            StateTable.rows().stream().map(row -> row.message().request()).collect(Collectors.toSet()));
        for (final Row row : StateTable.rows()) {
            assertTrue(row.outcomes().matches("[RSCrscx]{" + State.values().length + "}"), row::toString);
        }
    }

    @Test
    void suspendAndResumeInEveryState() throws Exception {
        check(StateTable.SUSPENSION, StateTable.PROTOCOL);
    }

    @Test
    void ringRequestsInEveryState() throws Exception {
        check(StateTable.RINGS, StateTable.PROTOCOL);
    }

    @Test
    void memoryRequestsInEveryState() throws Exception {
        check(StateTable.MEMORY, StateTable.PROTOCOL);
    }

    @Test
    void deviceRequestsInEveryState() throws Exception {
        check(StateTable.DEVICE, StateTable.PROTOCOL);
    }

    @Test
    void postcopyRequestsInEveryState() throws Exception {
        assumeTrue(Userfault.problem() == null, Userfault.problem());
        fixture.close();
        final Path socket = directory.resolve("postcopy");
        fixture = new SwitchFixture(socket, 2,
            StateTable.options(BackendOptions.server(socket)).with(ProtocolFeature.PAGEFAULT));
        check(StateTable.POSTCOPY,
            StateTable.PROTOCOL & ~ProtocolFeature.CONFIGURE_MEM_SLOTS.mask() | ProtocolFeature.PAGEFAULT.mask());
    }

    /** Except for features whose requests are accepted once offered, and those that suspend. */
    @Test
    void requestsOfFeaturesNotNegotiatedAreRefusedInEveryState() throws Exception {
        final long none = ProtocolFeature.of(ProtocolFeature.REPLY_ACK, ProtocolFeature.BACKEND_REQ,
            ProtocolFeature.SUSPEND, ProtocolFeature.STATUS);
        final List<Message> refused = StateTable.rows().stream().map(Row::message)
            .filter(message -> message.request().needs() != null
                && !message.request().needs().in(none | ProtocolFeature.ENOUGH_WHEN_OFFERED)).toList();
        assertTrue(refused.stream().map(Message::request).anyMatch(Request.CHECK_DEVICE_STATE::equals));
        for (final State state : State.values()) {
            for (final Message message : refused) {
                try (TestPeer peer = fixture.peer(); RequestSocket other = new RequestSocket()) {
                    enter(peer, none, state);
                    final PortState before = fixture.port.state();
                    peer.send(message.request(), Header.VERSION | Header.NEED_REPLY, payload(message),
                        descriptors(message, other));
                    assertEquals(1, peer.replyTo(message.request()), () -> message + " in " + state);
                    assertEquals(before, fixture.port.state(), () -> message + " in " + state);
                } finally {
                    fixture.port.resume(SuspendCause.OPERATOR);
                }
                fixture.awaitDetached();
            }
        }
    }
}
