package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.Await;
import io.ringbridge.testkit.OpenDescriptors;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.util.Arrays;
import java.util.SplittableRandom;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Tests that any message in any state results in a reply, a refusal, or the end of the connection. Afterwards, the next
 * front-end is served.
 */
class HostileFrontendTest extends SessionFixture {
    private static final long SEED = 11;
    private static final long PLAIN = Features.of(Features.VERSION_1, Features.MRG_RXBUF, Features.PROTOCOL_FEATURES);

    /** The progress of a front-end. */
    private enum State { CONNECTED, NEGOTIATED, WITH_MEMORY, RUNNING, STOPPED, SUSPENDED }

    private TestPeer peer(final State state) throws IOException {
        final TestPeer peer = fixture.peer();
        switch (state) {
            case CONNECTED -> { }
            case NEGOTIATED -> peer.negotiated(PLAIN);
            case WITH_MEMORY -> {
                peer.negotiated(PLAIN);
                peer.send(TestPeer.table(), guest.fd());
            }
            case RUNNING -> peer.running(PLAIN, guest, 0, 1);
            case SUSPENDED -> peer.running(PLAIN, guest, 0, 1).ack(new Message.Suspend());
            default -> {
                peer.running(PLAIN, guest, 0, 1);
                peer.number(new Message.GetVringBase(0));
                peer.number(new Message.GetVringBase(1));
            }
        }
        return peer;
    }

    /**
     * Sends a last query, and reads until its reply or the end of the connection. Fails at the first malformed reply.
     */
    private static void drain(final TestPeer peer, final int request) throws IOException {
        final Message last = request == Request.GET_FEATURES.id() ? new Message.GetProtocolFeatures()
            : new Message.GetFeatures();
        try {
            peer.send(last);
        } catch (final IOException e) {
            return; // the connection has ended
        }
        for (int replies = 0; replies < 3; replies++) {
            try (Packet packet = peer.receive()) {
                if (packet == null) {
                    return;
                }
                assertEquals(5, packet.header().flags());
                if (packet.header().request() == last.request().id()) {
                    return;
                }
                assertTrue(packet.header().request() == request, packet.header()::toString);
            }
        }
    }

    @Test
    void everyRequestInEveryStateIsSurvived() throws Exception {
        final SplittableRandom random = new SplittableRandom(SEED);
        for (final State state : State.values()) {
            for (final Request request : Request.values()) {
                for (int round = 0; round < 4; round++) {
                    final byte[] payload = new byte[(round & 1) == 0 ? request.payload().min()
                        : request.payload().max()];
                    if (round > 1) {
                        random.nextBytes(payload);
                    }
                    final int[] fds = new int[(round & 1) == 0 ? request.descriptors().min()
                        : request.descriptors().max()];
                    Arrays.fill(fds, random.nextBoolean() ? guest.fd() : guest.event.fd());
                    try (TestPeer peer = peer(state)) {
                        peer.send(request, round % 3 == 0 ? Header.VERSION : Header.VERSION | Header.NEED_REPLY,
                            payload, fds);
                        drain(peer, request.id());
                    }
                }
            }
        }
        try (TestPeer peer = peer(State.RUNNING)) {
            assertTrue(fixture.started(0) && fixture.started(1));
            assertEquals(Offer.virtio(2), peer.number(new Message.GetFeatures()));
        }
    }

    @Test
    void randomBytesAreSurvived() throws Exception {
        final SplittableRandom random = new SplittableRandom(SEED);
        for (int round = 0; round < 300; round++) {
            try (TestPeer peer = peer(State.values()[random.nextInt(State.values().length)])) {
                for (int n = random.nextInt(20); n > 0; n--) {
                    final byte[] payload = new byte[random.nextInt(48)];
                    random.nextBytes(payload);
                    if (payload.length > 3) {
                        Arrays.fill(payload, 0, 4, (byte) 0);
                        payload[0] = (byte) random.nextInt(5);
                    }
                    peer.connection.send(random.nextInt(46), random.nextBoolean() ? 9 : 1, payload);
                }
            } catch (final IOException e) {
                assertTrue(round >= 0, "the back-end has ended the connection");
            }
        }
        try (TestPeer peer = peer(State.RUNNING)) {
            assertTrue(fixture.started(0) && fixture.started(1));
            assertEquals(Offer.virtio(2), peer.number(new Message.GetFeatures()));
        }
    }

    @Test
    void nothingStaysOpenOrMapped() throws Exception {
        connect(20); // lets libraries open their own descriptors first
        Await.until(() -> guest.mappedByOthers() == 0);
        final long descriptors = OpenDescriptors.count();
        final long mappings = SwitchFixture.mappings();
        connect(200);
        Await.until(() -> OpenDescriptors.count() <= descriptors
            && SwitchFixture.mappings() <= mappings);
    }

    private void connect(final int connections) throws IOException {
        final SplittableRandom random = new SplittableRandom(SEED);
        final Request[] all = Request.values();
        for (int i = 0; i < connections; i++) {
            try (TestPeer peer = peer(State.values()[i % State.values().length])) {
                final int[] fds = new int[random.nextInt(10)];
                Arrays.fill(fds, random.nextBoolean() ? guest.fd() : guest.event.fd());
                final Request request = all[random.nextInt(all.length)];
                switch (i % 4) {
                    case 0 -> peer.send(request, Header.VERSION, new byte[request.payload().min()], fds);
                    case 1 -> peer.send(new Message.SetVringFd(Request.SET_VRING_ERR, 1, true), guest.event.fd());
                    case 2 -> peer.send(new Message.SetVringFd(Request.SET_VRING_KICK, 4, true), guest.event.fd());
                    default -> peer.connection.sendBytes(new byte[] {12, 0, 0, 0, 1}, fds);
                }
            }
        }
        fixture.awaitDetached();
        try (TestPeer last = fixture.peer()) { // served once all others have ended
            last.number(new Message.GetFeatures());
        }
        fixture.awaitDetached();
    }
}
