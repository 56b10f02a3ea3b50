package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.datapath.ring.DriverRing;

import java.io.IOException;
import java.util.Objects;

import static io.ringbridge.control.backend.PeerGuest.features;
import static org.junit.jupiter.api.Assertions.assertEquals;

/**
 * The common fixture of tests in which a back-end takes over a ring that another one has left: a port, and a guest with
 * a transmit ring.
 */
abstract class RecoveryFixture extends SessionFixture {
    static final int VRING = 1;
    static final int SIZE = 64;

    RecoveryFixture() {
        super(1, defaults -> defaults.withState(Objects.requireNonNull(defaults.socket().getParent())));
    }

    DriverRing driver(final boolean packed) {
        return guest.driver(VRING, SIZE, features(packed));
    }

    /** Connects a front-end, up to its memory table. */
    TestPeer connected(final boolean packed) throws IOException {
        final TestPeer peer = fixture.peer().negotiated(features(packed));
        peer.send(TestPeer.table(), guest.fd());
        return peer;
    }

    /** Sets the area in which the back-end records chains in flight. */
    static void record(final TestPeer peer, final MemFd area) throws IOException {
        assertEquals(0, peer.ack(new Message.InflightFd(Request.SET_INFLIGHT_FD, area.size(), 0, 2, SIZE), area.fd()));
    }

    /** Connects a front-end whose ring runs from that position, and records chains in the area unless it is null. */
    TestPeer running(final boolean packed, final MemFd area, final int base) throws IOException {
        final TestPeer peer = connected(packed);
        if (area != null) {
            record(peer, area);
        }
        ring(peer, base);
        return peer;
    }

    /** Starts and enables the ring. */
    void ring(final TestPeer peer, final int base) throws IOException {
        peer.start(VRING, SIZE, base, guest.event);
        assertEquals(0, peer.ack(new Message.SetVringEnable(VRING, 1)));
    }

    /** Returns the number of frames that the port has received. */
    long sent() {
        return fixture.port.queues().get(VRING).statistics().inFrames();
    }

    /** Ends a connection, as the death of the back-end does. */
    void leave(final TestPeer peer) {
        peer.close();
        fixture.awaitDetached();
    }
}
