package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.Message.Region;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.Await;
import org.junit.jupiter.api.Test;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests which messages start, move and stop a ring, and the base that is reported. */
class SessionRingsTest extends SessionFixture {
    private static final long PLAIN = Features.of(Features.VERSION_1, Features.MRG_RXBUF, Features.PROTOCOL_FEATURES);

    @Test
    void aRingStartsWithMessagesInAnyOrder() throws Exception {
        final Random random = new Random(5);
        for (int round = 0; round < 60; round++) {
            try (TestPeer peer = fixture.peer()) {
                peer.send(new Message.SetProtocolFeatures(TestPeer.PROTOCOL));
                final List<Message> messages = new ArrayList<>(List.of(new Message.SetFeatures(PLAIN), TestPeer.table(),
                    new Message.SetVringNum(1, 256), TestPeer.address(1),
                    new Message.SetVringFd(Request.SET_VRING_KICK, 1, true),
                    new Message.SetVringFd(Request.SET_VRING_CALL, 1, true), new Message.SetVringEnable(1, 1)));
                Collections.shuffle(messages, random);
                for (final Message message : messages) {
                    assertEquals(0, switch (message) {
                        case Message.SetMemTable _ -> peer.ack(message, guest.fd());
                        case Message.SetVringFd _ -> peer.ack(message, guest.event.fd());
                        default -> peer.ack(message);
                    }, () -> messages + " at " + message);
                }
                assertTrue(fixture.started(1) && fixture.enabled(1), messages::toString);
                assertFalse(fixture.started(0));
                assertEquals(PortState.RUNNING, fixture.port.state());
            }
        }
    }

    @Test
    void ringsAreEnabledByMessageOnceProtocolFeaturesAreNegotiated() throws Exception {
        try (TestPeer peer = fixture.peer()) {
            final long plain = PLAIN & ~Features.of(Features.PROTOCOL_FEATURES);
            peer.send(new Message.SetFeatures(plain));
            peer.send(TestPeer.table(), guest.fd());
            peer.send(new Message.SetVringNum(0, 256));
            peer.send(TestPeer.address(0));
            peer.send(new Message.SetVringFd(Request.SET_VRING_KICK, 0, true), guest.event.fd());
            peer.number(new Message.GetFeatures());
            assertTrue(fixture.started(0) && fixture.enabled(0), "enabled from the start without bit 30");
        }
        fixture.awaitDetached();
        assertFalse(fixture.started(0) || fixture.enabled(0));
        try (TestPeer peer = fixture.peer()) {
            peer.running(PLAIN, guest, 0, 1);
            assertTrue(fixture.started(1) && fixture.enabled(1));
            assertEquals(0, peer.ack(new Message.SetVringEnable(1, 0)));
            assertTrue(fixture.started(1) && !fixture.enabled(1));
        }
    }

    @Test
    void aDisabledTransmitRingWaitsIfConfigured() throws Exception {
        final Path other = directory.resolve("held");
        try (SwitchFixture held = new SwitchFixture(other, 1,
                 BackendOptions.server(other).withDiscardWhenDisabled(false));
             TestPeer peer = held.peer()) {
            peer.running(PLAIN, guest, 0, 1);
            assertTrue(held.started(0) && held.started(1));
            peer.ack(new Message.SetVringEnable(0, 0));
            peer.ack(new Message.SetVringEnable(1, 0));
            assertTrue(held.started(0) && !held.started(1));
            peer.ack(new Message.SetVringEnable(1, 1));
            assertTrue(held.started(1) && held.enabled(1));
        }
    }

    /** Sets the available and used index of a ring to the same value. */
    private void setIndices(final int vring, final int value) {
        guest.available(vring, value);
        guest.used(vring, value);
    }

    @Test
    void getVringBaseIsAnsweredInEveryState() throws Exception {
        setIndices(3, 77);
        try (TestPeer peer = fixture.peer()) {
            peer.negotiated(PLAIN | Features.of(Features.MQ));
            assertEquals(0, peer.base(3));
            assertEquals(0, peer.ack(new Message.SetVringBase(3, 77)));
            assertEquals(77, peer.base(3), "a ring that never ran");
            peer.send(TestPeer.table(), guest.fd());
            peer.send(new Message.SetVringNum(3, 256));
            peer.send(TestPeer.address(3));
            peer.send(new Message.SetVringFd(Request.SET_VRING_KICK, 3, false));
            assertEquals(0, peer.ack(new Message.SetVringEnable(3, 1)));
            assertTrue(fixture.started(3));
            assertEquals(0, peer.ack(new Message.SetStatus(0)), "QEMU 7.2 sends it first");
            assertFalse(fixture.started(3));
            assertEquals(77, peer.base(3));
            assertFalse(fixture.started(3));
            assertEquals(77, peer.base(3), "a second GET_VRING_BASE");
            assertEquals(PortState.CONNECTED, fixture.port.state());
        }
    }

    @Test
    void aUsedRingResumesAtItsUsedIndex() throws Exception {
        setIndices(0, 0xFFFE);
        try (TestPeer peer = fixture.peer()) {
            peer.running(PLAIN, guest, 0);
            assertEquals(0xFFFE, peer.base(0));
            for (final int given : new int[] {0, 0xFFFE, 0xFFFF, 2, 0x7FFF}) {
                assertEquals(0, peer.ack(new Message.SetVringBase(0, given)));
                assertEquals(0, peer.ack(new Message.SetVringFd(Request.SET_VRING_KICK, 0, false)));
                assertTrue(fixture.started(0));
                assertEquals(0xFFFE, peer.base(0), "the base from the front-end is ignored");
            }
            setIndices(0, 0);
            peer.send(new Message.SetVringBase(0, 0));
            peer.send(new Message.SetVringFd(Request.SET_VRING_KICK, 0, false));
            assertEquals(0, peer.base(0), "the driver has reset the ring");
        }
    }

    @Test
    void theBaseOfABrokenRingIsItsUsedIndex() throws Exception {
        setIndices(1, 100);
        try (TestPeer peer = fixture.peer()) {
            peer.running(PLAIN, guest, 1);
            guest.available(30_000);
            guest.event.signal();
            Await.until(() -> !fixture.started(1));
            assertEquals(100, peer.base(1));
        }
    }

    @Test
    void aBrokenRingSignalsItsErrorDescriptor() throws Exception {
        for (final boolean late : new boolean[] {false, true}) {
            try (TestPeer peer = fixture.peer(); EventFd error = EventFd.create()) {
                if (!late) {
                    peer.send(new Message.SetVringFd(Request.SET_VRING_ERR, 1, true), error.fd());
                }
                setIndices(1, 100);
                peer.running(PLAIN, guest, 0, 1);
                if (late) {
                    assertEquals(0, peer.ack(new Message.SetVringFd(Request.SET_VRING_ERR, 1, true), error.fd()));
                }
                assertFalse(error.drain());
                setIndices(1, 30_000);
                guest.event.signal();
                Await.until(error::drain);
                assertFalse(fixture.started(1));
                assertTrue(fixture.started(0), "the other ring keeps running");
            }
            fixture.awaitDetached();
        }
    }

    @Test
    void aRingMovesWhileItRuns() throws Exception {
        try (TestPeer peer = fixture.peer(); PeerGuest second = new PeerGuest()) {
            peer.running(PLAIN, guest, 0, 1);
            final long far = TestPeer.USER + 0x80000;
            assertEquals(0, peer.ack(new Message.SetVringAddr(1, 0, far, far + 0x8000, far + 0x4000, 0)));
            assertEquals(1, peer.ack(new Message.SetVringAddr(1, 0, far + 8, far, far, 0)), "misaligned");
            assertEquals(1, peer.ack(new Message.SetVringAddr(1, 0, 0x1000, far, far, 0)), "outside memory");
            assertEquals(1, peer.ack(new Message.SetVringNum(1, 128)), "the size of a running ring cannot change");
            assertEquals(1, peer.ack(new Message.SetVringBase(1, 5)), "its base cannot change");
            assertEquals(0, peer.ack(TestPeer.table(), second.fd()), "another file at the same place");
            assertTrue(fixture.started(0) && fixture.started(1));
            final Region elsewhere = new Region(0, TestPeer.MEMORY, 0x1000_0000, 0);
            assertEquals(1, peer.ack(new Message.SetMemTable(List.of(elsewhere)), second.fd()),
                "the rings are outside the table");
            assertFalse(fixture.started(0) || fixture.started(1));
            assertEquals(PortState.CONNECTED, fixture.port.state());
        }
    }

    @Test
    void resetDeviceStopsRingsAndKeepsMemory() throws Exception {
        try (TestPeer peer = fixture.peer()) {
            peer.running(PLAIN, guest, 0, 1);
            peer.ack(new Message.SetStatus(15));
            assertEquals(15, peer.number(new Message.GetStatus()));
            assertEquals(0, peer.ack(new Message.ResetDevice()));
            assertEquals(0, peer.ack(new Message.ResetDevice()));
            assertFalse(fixture.started(0) || fixture.enabled(0) || fixture.started(1) || fixture.enabled(1));
            assertEquals(0, peer.number(new Message.GetStatus()));
            assertEquals(0, peer.ack(new Message.SetFeatures(PLAIN)));
            assertEquals(0, peer.ack(new Message.SetVringNum(0, 64)));
            assertEquals(0, peer.ack(TestPeer.address(0)));
            assertEquals(0, peer.ack(new Message.SetVringFd(Request.SET_VRING_KICK, 0, true), guest.event.fd()));
            assertFalse(fixture.started(0), "the driver is not ready");
            assertEquals(0, peer.ack(new Message.SetStatus(15)));
            assertTrue(fixture.started(0));
        }
    }
}
