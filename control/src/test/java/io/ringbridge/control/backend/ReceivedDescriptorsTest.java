package io.ringbridge.control.backend;

import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.StateSocket;
import io.ringbridge.control.handover.Step;
import io.ringbridge.control.protocol.BackendRequest;
import io.ringbridge.control.protocol.Codec;
import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.Listener;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.Await;
import io.ringbridge.testkit.OpenDescriptors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests that every received descriptor is closed, whatever its number, its message, and the fate of the connection. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ReceivedDescriptorsTest extends SessionFixture {
    private static final long PLAIN = Features.of(Features.VERSION_1, Features.MRG_RXBUF, Features.PROTOCOL_FEATURES);
    /** The largest number of descriptors that the kernel transfers with one message. */
    private static final int MAX = 253;
    private static final int CONNECTIONS = 250;
    private static final int[] SOME = {1, 2, 8, 9, 59, 60, 61, 62, 63, 64, 65, 128, 200, 252, MAX};

    /** The behaviour of one front-end. */
    @FunctionalInterface
    private interface Behaviour {
        void accept(TestPeer peer) throws IOException;
    }

    private int[] events(final int count) {
        final int[] fds = new int[count];
        Arrays.fill(fds, guest.event.fd());
        return fds;
    }

    private static byte[] message(final Request request, final int size) {
        final ByteBuffer bytes = ByteBuffer.allocate(Header.BYTES + size);
        new Header(request.id(), Header.VERSION, size).encode(bytes);
        return bytes.array();
    }

    /** Serves front-ends with these behaviours, and checks that no descriptor stays open. */
    private void assertNothingStaysOpen(final Behaviour... behaviours) throws IOException {
        serve(peer -> peer.running(PLAIN, guest, 0, 1)); // lets libraries open their own descriptors first
        final long before = OpenDescriptors.count();
        for (final Behaviour behaviour : behaviours) {
            serve(behaviour);
        }
        Await.until(() -> OpenDescriptors.count() <= before);
    }

    private void serve(final Behaviour behaviour) throws IOException {
        try (TestPeer peer = fixture.peer()) {
            try {
                behaviour.accept(peer);
            } catch (final IOException | IllegalStateException e) {
                // The back-end may end the connection.
            }
        }
        try (TestPeer next = fixture.peer()) { // served once the previous connection has ended
            next.number(new Message.GetFeatures());
        }
        fixture.awaitDetached();
    }

    @Test
    void anyNumberWithOneMessageIsClosed() throws Exception {
        final Behaviour[] all = new Behaviour[MAX];
        for (int count = 1; count <= MAX; count++) {
            final int[] fds = events(count);
            all[count - 1] = peer -> peer.number(new Message.GetFeatures(), fds);
        }
        assertNothingStaysOpen(all);
    }

    @Test
    void descriptorsWithAnyPartOfAnyMessageAreClosed() throws Exception {
        final List<Behaviour> all = new ArrayList<>();
        for (final int count : SOME) {
            final int[] fds = events(count);
            all.add(peer -> peer.running(PLAIN, guest, 0, 1)
                .send(new Message.SetVringFd(Request.SET_VRING_CALL, 0, true), fds));
            all.add(peer -> peer.running(PLAIN, guest, 0, 1)
                .ack(new Message.SetVringFd(Request.SET_VRING_KICK, 4, true), fds));
            all.add(peer -> peer.negotiated(PLAIN).send(TestPeer.table(), fds));
            all.add(peer -> peer.send(new Message.SetBackendReqFd(), fds));
            all.add(peer -> peer.send(new Message.SetLogFd(), fds));
            all.add(peer ->
                peer.connection.sendBytes(new byte[] {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}, fds));
            all.add(peer -> peer.connection.sendBytes(new byte[] {1}, fds));
            all.add(peer -> {
                final byte[] bytes = message(Request.SET_FEATURES, 8);
                peer.connection.sendBytes(Arrays.copyOf(bytes, Header.BYTES));
                peer.connection.sendBytes(Arrays.copyOfRange(bytes, Header.BYTES, bytes.length), fds);
            });
            all.add(peer -> {
                for (final byte each : message(Request.SET_FEATURES, 8)) {
                    peer.connection.sendBytes(new byte[] {each}, fds);
                }
            });
            all.add(peer -> {
                for (int i = 0; i < 4; i++) {
                    peer.connection.sendBytes(message(Request.SET_OWNER, 0), fds);
                }
            });
        }
        assertNothingStaysOpen(all.toArray(Behaviour[]::new));
    }

    @Test
    void descriptorsAfterTheEndOfTheConnectionAreClosed() throws Exception {
        assertNothingStaysOpen(peer -> {
            peer.connection.sendBytes(new byte[Header.BYTES]); // version 0
            for (int i = 0; i < 1000; i++) {
                peer.connection.sendBytes(message(Request.SET_OWNER, 0), events(MAX));
            }
        });
    }

    @Test
    void descriptorsAreClosedWhileTheBackendBlocksOnAReply() throws Exception {
        assertNothingStaysOpen(peer -> {
            for (int i = 0; i < 10_000; i++) { // the replies are not read
                peer.connection.sendBytes(message(Request.GET_FEATURES, 0), events(i % 2));
            }
        });
    }

    @Test
    void descriptorsOfWaitingFrontEndsAreClosed() throws Exception {
        assertNothingStaysOpen(peer -> {
            peer.number(new Message.GetFeatures());
            for (int i = 0; i < 5; i++) {
                try (TestPeer waiting = fixture.peer()) {
                    waiting.send(new Message.SetVringFd(Request.SET_VRING_ERR, 0, true), events(62 + i));
                }
            }
        });
    }

    @Test
    void descriptorsOfManyConnectionsAtOnceAreClosed() throws Exception {
        serve(peer -> peer.running(PLAIN, guest, 0, 1));
        final long before = OpenDescriptors.count();
        final List<Callable<Void>> all = new ArrayList<>();
        for (int i = 0; i < CONNECTIONS; i++) {
            final int[] fds = events(62 + i * (MAX - 62) / (CONNECTIONS - 1));
            all.add(() -> {
                try (TestPeer peer = fixture.peer()) { // waits for room in the backlog
                    peer.send(new Message.SetOwner(), fds);
                }
                return null;
            });
        }
        try (ExecutorService threads = Executors.newThreadPerTaskExecutor(Thread.ofPlatform().factory())) {
            for (final Future<Void> each : threads.invokeAll(all)) {
                each.get();
            }
        }
        serve(peer -> peer.running(PLAIN, guest, 0, 1));
        Await.until(() -> OpenDescriptors.count() <= before);
    }

    @Test
    void descriptorsOfRepliesToTheBackendAreClosed() throws Exception {
        final List<RequestSocket> sockets = new ArrayList<>();
        final List<Behaviour> all = new ArrayList<>();
        for (final int count : SOME) {
            final RequestSocket socket = new RequestSocket();
            sockets.add(socket);
            all.add(peer -> {
                assertEquals(0, socket.giveTo(peer.negotiated(PLAIN)));
                assertEquals(0, peer.ack(new Message.NetSetMtu(1000 + count)));
                socket.receive().close();
                socket.connection.send(BackendRequest.CONFIG_CHANGE_MSG.id(), Header.VERSION | Header.REPLY,
                    Codec.number(0), events(count));
            });
        }
        assertNothingStaysOpen(all.toArray(Behaviour[]::new));
        for (final RequestSocket socket : sockets) {
            socket.close();
        }
    }

    @Test
    void descriptorsDuringAHandOverAreClosed() throws Exception {
        final Path path = directory.resolve("upgrade");
        assertNothingStaysOpen(_ -> {
            try (Listener listener = Listener.open(path, 0600)) {
                for (final int count : SOME) {
                    try (Connection peer = Connection.connect(path);
                         StateSocket taking = new StateSocket(listener.accept())) {
                        peer.send(Step.values()[0].ordinal(), Header.VERSION, new byte[32], events(count));
                        assertThrows(HandOverException.class,
                            () -> taking.receive(Step.values()[0], Duration.ofSeconds(20)));
                    }
                }
            }
        });
    }

    @Test
    void anOpenConnectionOwnsFewDescriptors() throws Exception {
        serve(peer -> peer.running(PLAIN, guest, 0, 1));
        final long before = OpenDescriptors.count();
        try (TestPeer peer = fixture.peer()) {
            peer.connection.sendBytes(Arrays.copyOf(message(Request.SET_FEATURES, 8), 14), events(MAX));
            assertTrue(peer.ended());
        }
        try (TestPeer peer = fixture.peer()) {
            peer.negotiated(PLAIN).send(TestPeer.table(), guest.fd());
            for (int i = 0; i < 100; i++) {
                peer.ack(new Message.SetVringFd(Request.SET_VRING_ERR, 0, true), guest.event.fd());
            }
            assertTrue(OpenDescriptors.count() < before + 8,
                "one event, one memory file, and two ends of a socket");
        }
    }
}
