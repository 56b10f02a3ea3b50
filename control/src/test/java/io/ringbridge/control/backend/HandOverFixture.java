package io.ringbridge.control.backend;

import io.ringbridge.control.event.Events;
import io.ringbridge.control.handover.StateRecord;
import io.ringbridge.control.handover.StateSocket;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.handover.Step;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.Listener;
import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.DatapathOptions;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.ring.DriverRing;
import io.ringbridge.testkit.Await;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;

import static io.ringbridge.control.backend.PeerGuest.features;
import static org.junit.jupiter.api.Assertions.assertEquals;

/** The common fixture of hand-over tests: a datapath, a back-end, and a guest with a transmit ring. */
abstract class HandOverFixture {
    static final int VRING = 1;
    static final int SIZE = 64;
    private static final Duration LIMIT = Duration.ofSeconds(20);

    @TempDir
    Path directory;
    BackendOptions options;
    Datapath datapath;
    GuestPort port;
    Backend backend;
    PeerGuest guest;
    /** The MTU that the next process configures. */
    int mtu = 1500;

    @BeforeEach
    void start() {
        options = BackendOptions.server(directory.resolve("s")).with(ProtocolFeature.INBAND_NOTIFICATIONS);
        guest = new PeerGuest();
    }

    @AfterEach
    void end() {
        backend.close();
        datapath.close();
        guest.close();
    }

    void serve(final BackendOptions with) {
        options = with;
        datapath = Datapath.start(DatapathOptions.DEFAULT, Throwable::printStackTrace);
        port = datapath.addGuestPort("a", 1, 1500);
        backend = Backend.open(port, options);
    }

    DriverRing driver(final boolean packed) {
        return guest.driver(VRING, SIZE, features(packed));
    }

    TestPeer peer() throws IOException {
        return new TestPeer(options.socket());
    }

    /** Negotiates features, and shares the guest's memory. */
    void share(final TestPeer peer, final boolean packed) throws IOException {
        peer.negotiated(features(packed));
        peer.send(TestPeer.table(), guest.fd());
    }

    /** Starts and enables the ring. */
    void ring(final TestPeer peer, final boolean packed) throws IOException {
        peer.send(new Message.SetVringFd(Request.SET_VRING_ERR, VRING, true), guest.event.fd());
        peer.start(VRING, SIZE, DriverRing.freshBase(features(packed)), guest.event);
        assertEquals(0, peer.ack(new Message.SetVringEnable(VRING, 1)));
    }

    void awaitDetached() {
        Await.until(() -> port.state() == PortState.WAITING);
    }

    /** Replaces the datapath and the back-end with new ones. */
    void handOver() throws IOException {
        final Path path = directory.resolve("h");
        backend.requestPause();
        try (Listener listener = Listener.open(path, 0600); StateSocket to = new StateSocket(Connection.connect(path));
             StateSocket from = new StateSocket(listener.accept())) {
            backend.awaitPaused(5000);
            final StateWriter state = new StateWriter();
            backend.saveState(state);
            to.send(Step.PORT, state);
            port.suspend(SuspendCause.UPGRADE);
            final StateWriter positions = new StateWriter();
            backend.savePositions(positions);
            to.send(Step.POSITIONS, positions);
            final Datapath nextDatapath = Datapath.start(DatapathOptions.DEFAULT, Throwable::printStackTrace);
            final GuestPort nextPort = nextDatapath.addGuestPort("a", 1, mtu);
            nextPort.suspend(SuspendCause.UPGRADE);
            final Backend next;
            try (StateRecord in = from.receive(Step.PORT, LIMIT)) {
                next = Backend.adopt(nextPort, options, new Events().of(nextPort.name()), in.content());
            }
            try (StateRecord in = from.receive(Step.POSITIONS, LIMIT)) {
                next.restorePositions(in.content());
            }
            backend.relinquish();
            next.start();
            nextPort.resume(SuspendCause.UPGRADE);
            next.serve();
            datapath.close();
            datapath = nextDatapath;
            port = nextPort;
            backend = next;
        }
    }
}
