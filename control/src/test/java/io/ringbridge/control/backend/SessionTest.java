package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.Codec;
import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.Message.Region;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.Await;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests the replies of a session, and the resulting state of the port. */
class SessionTest {
    private static final long PLAIN = Features.of(Features.VERSION_1, Features.MRG_RXBUF, Features.PROTOCOL_FEATURES);

    @TempDir
    Path directory;
    private SwitchFixture fixture;
    private PeerGuest guest;

    @BeforeEach
    void start() {
        fixture = new SwitchFixture(directory.resolve("s"));
        guest = new PeerGuest();
    }

    @AfterEach
    void end() {
        fixture.close();
        guest.close();
    }

    @Test
    void offersOnlyServedFeatures() throws Exception {
        try (TestPeer peer = fixture.peer()) {
            assertEquals(Offer.virtio(2), peer.number(new Message.GetFeatures()));
            assertEquals(TestPeer.PROTOCOL, peer.number(new Message.GetProtocolFeatures()));
            assertEquals(5, peer.number(new Message.GetQueueNum()), "the number of vrings");
            peer.negotiated(PLAIN);
            assertEquals(509, peer.number(new Message.GetMaxMemSlots()));
        }
        final long one = Offer.virtio(1);
        assertTrue(Features.has(one, Features.VERSION_1) && Features.has(one, Features.PROTOCOL_FEATURES));
        for (final int bit : new int[] {Features.MQ, Features.CTRL_VQ, Features.GUEST_ANNOUNCE}) {
            assertFalse(Features.has(one, bit));
        }
    }

    @Test
    void theMaskLimitsTheOffer() throws Exception {
        final Path other = directory.resolve("masked");
        try (SwitchFixture masked = new SwitchFixture(other, 1, BackendOptions.server(other).withFeatureMask(PLAIN));
             TestPeer peer = masked.peer()) {
            assertEquals(PLAIN, peer.number(new Message.GetFeatures()));
            peer.negotiated(PLAIN);
            assertEquals(1, peer.ack(new Message.SetFeatures(PLAIN | Features.of(Features.IN_ORDER))));
        }
    }

    @Test
    void acknowledgementsHaveToBeNegotiated() throws Exception {
        try (TestPeer peer = fixture.peer()) {
            peer.send(Request.SET_OWNER, Header.VERSION | Header.NEED_REPLY, new byte[0]);
            peer.send(Request.GET_FEATURES, Header.VERSION | Header.NEED_REPLY, new byte[0]);
            assertEquals(Offer.virtio(2), peer.replyTo(Request.GET_FEATURES),
                "no acknowledgement comes before this reply");
            peer.negotiated(PLAIN);
            assertEquals(0, peer.ack(new Message.SetOwner()));
            peer.send(Request.GET_FEATURES, Header.VERSION | Header.NEED_REPLY, new byte[0]);
            assertEquals(Offer.virtio(2), peer.replyTo(Request.GET_FEATURES));
            assertEquals(5, peer.number(new Message.GetQueueNum()), "a reply is not followed by an acknowledgement");
        }
    }

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

    private static long base(final TestPeer peer, final int vring) throws IOException {
        peer.send(new Message.GetVringBase(vring));
        try (Packet reply = peer.receive()) {
            return Codec.vringNumber(reply.payload(), vring);
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
            assertEquals(0, base(peer, 3));
            assertEquals(0, peer.ack(new Message.SetVringBase(3, 77)));
            assertEquals(77, base(peer, 3), "a ring that never ran");
            peer.send(TestPeer.table(), guest.fd());
            peer.send(new Message.SetVringNum(3, 256));
            peer.send(TestPeer.address(3));
            peer.send(new Message.SetVringFd(Request.SET_VRING_KICK, 3, false));
            assertEquals(0, peer.ack(new Message.SetVringEnable(3, 1)));
            assertTrue(fixture.started(3));
            assertEquals(0, peer.ack(new Message.SetStatus(0)), "QEMU 7.2 sends it first");
            assertFalse(fixture.started(3));
            assertEquals(77, base(peer, 3));
            assertFalse(fixture.started(3));
            assertEquals(77, base(peer, 3), "a second GET_VRING_BASE");
            assertEquals(PortState.CONNECTED, fixture.port.state());
        }
    }

    @Test
    void aUsedRingResumesAtItsUsedIndex() throws Exception {
        setIndices(0, 0xFFFE);
        try (TestPeer peer = fixture.peer()) {
            peer.running(PLAIN, guest, 0);
            assertEquals(0xFFFE, base(peer, 0));
            for (final int given : new int[] {0, 0xFFFE, 0xFFFF, 2, 0x7FFF}) {
                assertEquals(0, peer.ack(new Message.SetVringBase(0, given)));
                assertEquals(0, peer.ack(new Message.SetVringFd(Request.SET_VRING_KICK, 0, false)));
                assertTrue(fixture.started(0));
                assertEquals(0xFFFE, base(peer, 0), "the base from the front-end is ignored");
            }
            setIndices(0, 0);
            peer.send(new Message.SetVringBase(0, 0));
            peer.send(new Message.SetVringFd(Request.SET_VRING_KICK, 0, false));
            assertEquals(0, base(peer, 0), "the driver has reset the ring");
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
            assertEquals(100, base(peer, 1));
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
    void regionsAreAddedAndRemoved() throws Exception {
        try (TestPeer peer = fixture.peer()) {
            peer.negotiated(PLAIN);
            final List<Region> regions = new ArrayList<>();
            for (int i = 0; i < 509; i++) {
                final Region region = new Region(TestPeer.GUEST + i * 8192L, 4096, TestPeer.USER + i * 8192L,
                    i % 16 * 4096L);
                regions.add(region);
                assertEquals(0, peer.ack(new Message.AddMemReg(region), guest.fd()));
            }
            assertEquals(1, peer.ack(new Message.AddMemReg(new Region(0, 4096, 0, 0)), guest.fd()),
                "one region too many");
            assertEquals(509, guest.mappedByOthers());
            assertEquals(0, peer.ack(new Message.RemMemReg(regions.get(0)), guest.fd()),
                "with an unneeded descriptor");
            assertEquals(1, peer.ack(new Message.RemMemReg(regions.get(0))), "already removed");
            try (PeerGuest other = new PeerGuest()) {
                assertEquals(1, peer.ack(new Message.AddMemReg(regions.get(1)), other.fd()),
                    "already added, from another file");
            }
            assertEquals(0, peer.ack(new Message.AddMemReg(regions.get(0)), guest.fd()));
            assertEquals(0, peer.ack(TestPeer.table(), guest.fd()));
            assertEquals(1, guest.mappedByOthers());
            assertEquals(0, peer.ack(new Message.RemMemReg(TestPeer.table().regions().get(0))));
            assertEquals(0, guest.mappedByOthers());
        }
    }

    @Test
    void aRegionAddedTwiceIsRemovedTwice() throws Exception {
        try (TestPeer peer = fixture.peer()) {
            peer.negotiated(PLAIN);
            final Region region = TestPeer.table().regions().get(0);
            assertEquals(0, peer.ack(new Message.AddMemReg(region), guest.fd()));
            assertEquals(0, peer.ack(new Message.AddMemReg(region), guest.fd()));
            assertEquals(1, guest.mappedByOthers());
            assertEquals(0, peer.ack(new Message.RemMemReg(region)));
            assertEquals(1, guest.mappedByOthers());
            assertEquals(0, peer.ack(new Message.RemMemReg(region)));
            assertEquals(0, guest.mappedByOthers());
            assertEquals(1, peer.ack(new Message.RemMemReg(region)));
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

    @Test
    void valuesOutOfRangeAreRefusedAndTheSessionContinues() throws Exception {
        final List<Message> bad = List.of(
            new Message.SetFeatures(Features.of(Features.NOTIFY_ON_EMPTY)), new Message.SetFeatures(-1),
            new Message.SetProtocolFeatures(-1),
            new Message.SetVringNum(0, 0), new Message.SetVringNum(0, 3), new Message.SetVringNum(0, 65536),
            new Message.SetVringNum(0, -1), new Message.SetVringNum(4, 256), new Message.SetVringNum(0x10000, 256),
            new Message.SetVringNum(-1, 256), new Message.SetVringBase(4, 0), new Message.SetVringBase(0, 65536),
            new Message.SetVringBase(Integer.MIN_VALUE, 0), new Message.SetVringEnable(4, 1),
            new Message.SetVringEnable(0, 2),
            new Message.SetVringAddr(5, 0, 0, 0, 0, 0), new Message.SetVringAddr(0, 0, 8, 0, 0, 0),
            new Message.SetVringAddr(0, 0, 0, 2, 0, 0), new Message.SetVringAddr(0, 0, 0, 0, 1, 0),
            new Message.NetSetMtu(0), new Message.NetSetMtu(67), new Message.NetSetMtu(1501),
            new Message.NetSetMtu(1L << 63),
            new Message.SetVringFd(Request.SET_VRING_CALL, 4, false),
            new Message.SetVringFd(Request.SET_VRING_KICK, 255, false),
            new Message.SendRarp(0), new Message.SendRarp(1), new Message.SendRarp(0xFFFFL << 48),
            new Message.CheckDeviceState());
        try (TestPeer peer = fixture.peer()) {
            peer.negotiated(PLAIN);
            for (final Message message : bad) {
                assertEquals(1, peer.ack(message), message::toString);
            }
            peer.connection.send(9999, Header.VERSION | Header.NEED_REPLY, new byte[16]);
            try (Packet reply = peer.receive()) {
                assertEquals(new Header(9999, 5, 8), reply.header());
            }
            for (final long mtu : new long[] {68, 1500}) {
                assertEquals(0, peer.ack(new Message.NetSetMtu(mtu)));
            }
            assertEquals(0, peer.ack(new Message.SetFeatures(PLAIN)));
            peer.send(TestPeer.table(), guest.fd());
            peer.send(new Message.SetVringNum(0, 256));
            peer.send(TestPeer.address(0));
            assertEquals(0, peer.ack(new Message.SetVringFd(Request.SET_VRING_KICK, 0, false)));
            assertEquals(0, peer.ack(new Message.SetFeatures(PLAIN)), "the same features while rings run");
            assertEquals(1, peer.ack(new Message.SetFeatures(PLAIN | Features.of(Features.IN_ORDER))),
                "other features");
            assertEquals(1, peer.ack(new Message.SetVringFd(Request.SET_VRING_CALL, 0, true), guest.fd()),
                "not a descriptor for notifications");
            assertEquals(1, peer.ack(new Message.SetMemTable(List.of(new Region(0, 1L << 40, 0, 0))), guest.fd()),
                "a short file");
            assertEquals(1, peer.ack(new Message.SetMemTable(List.of(new Region(-4096, 8192, 0, 0))), guest.fd()),
                "an overflow");
            assertTrue(fixture.started(0));
        }
        for (final Message message : bad) {
            try (TestPeer peer = fixture.peer()) {
                peer.negotiated(PLAIN);
                peer.send(message);
                assertTrue(peer.ended(), () -> "without an acknowledgement the connection ends: " + message);
            }
        }
    }

    @Test
    void malformedMessagesEndOnlyTheirConnection() throws Exception {
        final List<byte[]> bytes = List.of(
            header(1, 0, 0), header(1, 2, 0), header(1, 5, 0), header(1, 1, 65537), header(1, 1, -1),
            header(8, 9, 7, new byte[7]),
            header(5, 9, 8, new byte[] {1, 0, 0, 0, 0, 0, 0, 0}), header(41, 9, 3, new byte[3]), header(2, 1, 0),
            header(0x10001, 1, 0));
        for (final byte[] message : bytes) {
            try (TestPeer peer = fixture.peer()) {
                peer.negotiated(PLAIN);
                peer.connection.sendBytes(message);
                assertTrue(peer.ended());
            }
        }
        for (final int length : new int[] {1, 11, 12, 15}) {
            try (TestPeer peer = fixture.peer()) {
                peer.connection.sendBytes(Arrays.copyOf(header(2, 1, 8, new byte[8]), length),
                    guest.event.fd());
            }
        }
        try (TestPeer peer = fixture.peer()) {
            assertEquals(Offer.virtio(2), peer.number(new Message.GetFeatures()));
        }
    }

    private static byte[] header(final int request, final int flags, final int size, final byte... payload) {
        final java.nio.ByteBuffer out = java.nio.ByteBuffer.wrap(new byte[Header.BYTES + payload.length]);
        new Header(request, flags, size).encode(out);
        return out.put(payload).array();
    }

    @Test
    void messagesMayArriveInPieces() throws Exception {
        final byte[] message = header(Request.SET_VRING_CALL.id(), 9, 8, new byte[8]);
        try (TestPeer peer = fixture.peer()) {
            peer.negotiated(PLAIN);
            for (int i = 0; i < message.length; i++) {
                final byte[] piece = {message[i]};
                if (i == 0) {
                    peer.connection.sendBytes(piece, guest.event.fd());
                } else {
                    peer.connection.sendBytes(piece);
                }
            }
            assertEquals(0, peer.replyTo(Request.SET_VRING_CALL));
        }
    }

    @Test
    void aGuestThatTruncatesItsMemoryLosesItsConnection() throws Exception {
        try (TestPeer peer = fixture.peer()) {
            peer.running(PLAIN, guest, 0, 1);
            guest.ram.file().resize(0);
            guest.event.signal();
            assertTrue(peer.ended());
        }
        fixture.awaitDetached();
        guest.ram.file().resize(TestPeer.MEMORY);
        try (TestPeer peer = fixture.peer()) {
            peer.running(PLAIN, guest, 0, 1);
            assertTrue(fixture.started(1));
            assertNotNull(peer);
        }
    }
}
