package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.Await;
import io.ringbridge.testkit.OpenDescriptors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.file.Path;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Tests the meaning of a ring's number, and that every command of a control queue is answered if the front-end passes
 * the queue on.
 */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ControlQueueTest extends SessionFixture {
    private static final long PLAIN = Features.of(Features.VERSION_1, Features.MRG_RXBUF, Features.PROTOCOL_FEATURES);
    private static final long CONTROL = PLAIN | Features.of(Features.CTRL_VQ);
    private static final long MANY = CONTROL | Features.of(Features.MQ);
    private static final int RECEIVE = 0;
    private static final int BUFFERS = 0xC0000;
    private static final int UNTOUCHED = 0xAA;

    private TestPeer peer;
    private int commands;

    @BeforeEach
    void connect() throws IOException {
        peer = fixture.peer();
    }

    @AfterEach
    void disconnect() {
        peer.close();
    }

    private long ring(final int vring, final int offset) {
        return guest.ring(vring) + offset;
    }

    private void descriptor(final int vring, final boolean packed, final int at, final long address, final int length,
        final int flags) {
        final long descriptor = ring(vring, 16 * at);
        Memory.putLong(descriptor, address);
        final int next = (flags & 1) == 0 ? 0 : at + 1;
        Memory.putLong(descriptor + 8,
            length | (packed ? (long) (flags | 0x80) << 48 : (long) flags << 32 | (long) next << 48));
    }

    /** Makes a command available, and returns the device's answer. */
    private int command(final int vring, final boolean packed, final int which, final int number, final int bytes) {
        final int at = 3 * commands;
        final long buffer = guest.ram.address() + BUFFERS + 64L * commands;
        final long address = TestPeer.GUEST + BUFFERS + 64L * commands;
        Memory.putByte(buffer, (byte) which);
        Memory.putByte(buffer + 1, (byte) 0);
        Memory.putShort(buffer + 2, (short) number);
        Memory.putByte(buffer + 32, (byte) UNTOUCHED);
        descriptor(vring, packed, at + 1, address + 2, bytes, 1);
        descriptor(vring, packed, at + 2, address + 32, 1, 2);
        Memory.fullFence();
        descriptor(vring, packed, at, address, 2, 1);
        Memory.putShort(ring(vring, 0x4000 + 4 + 2 * commands), (short) at);
        commands++;
        if (!packed) {
            Memory.putShortRelease(ring(vring, 0x4002), (short) commands);
        }
        guest.event.signal();
        final int done = commands;
        Await.until(() -> packed ? (Memory.getShortAcquire(ring(vring, 16 * at + 14)) & 0x8000) != 0
            : Memory.getShortAcquire(ring(vring, 0x8002)) == done);
        return Memory.getByte(buffer + 32) & 0xFF;
    }

    private void start(final int vring, final boolean packed) throws IOException {
        peer.send(new Message.SetVringNum(vring, 256));
        peer.send(new Message.SetVringBase(vring, packed ? 0x80008000 : 0));
        peer.send(TestPeer.address(vring));
        peer.send(new Message.SetVringFd(Request.SET_VRING_CALL, vring, true), guest.event.fd());
        peer.send(new Message.SetVringFd(Request.SET_VRING_KICK, vring, true), guest.event.fd());
        peer.send(new Message.SetVringEnable(vring, 1));
        peer.number(new Message.GetFeatures());
    }

    @ParameterizedTest
    @CsvSource({"2, 0", "2, 0x400000000", "4, 0x400000", "4, 0x400400000"})
    void everyCommandIsAnswered(final int vring, final long more) throws Exception {
        final long features = CONTROL | more;
        final boolean packed = Features.has(features, Features.RING_PACKED);
        peer.negotiated(features).send(TestPeer.table(), guest.fd());
        start(vring, packed);
        assertEquals(1, command(vring, packed, 0, 1, 1), "promiscuous mode is not offered");
        assertEquals(1, command(vring, packed, 77, 0, 4), "unknown");
        assertEquals(0, command(vring, packed, 3, 0, 1), "the announcement is acknowledged");
        assertEquals(0, command(vring, packed, 4, 1, 2));
        assertEquals(vring == 4 ? 0 : 1, command(vring, packed, 4, 2, 2));
        assertEquals(1, command(vring, packed, 4, 0, 2));
        assertEquals(1, command(vring, packed, 4, 3, 2));
        assertEquals(1, command(vring, packed, 4, 1, 1), "truncated");
        peer.ack(new Message.Suspend());
        peer.ack(new Message.Resume());
        assertEquals(1, command(vring, packed, 1, 0, 1));
        final int base = (int) (peer.number(new Message.GetVringBase(vring)) >>> 32);
        assertEquals(packed ? 0x80008000 + 27 * 0x10001 : 9, base);
    }

    @Test
    void aRingMayBeSetUpBeforeTheFeaturesAreKnown() throws Exception {
        peer.send(new Message.SetProtocolFeatures(0));
        peer.send(TestPeer.table(), guest.fd());
        start(2, false);
        assertFalse(fixture.started(2));
        peer.send(new Message.SetFeatures(CONTROL));
        assertEquals(1, command(2, false, 0, 1, 1));
        assertFalse(fixture.started(2), "it is not a receive queue");
    }

    @Test
    void theDriverDecidesHowManyPairsAreUsed() throws Exception {
        peer.running(MANY, guest, 0, 1, 2, 3);
        assertTrue(fixture.enabled(2) && fixture.enabled(3), "the front-end serves the control queue itself");
        start(4, false);
        assertTrue(fixture.enabled(RECEIVE) && !fixture.enabled(2) && !fixture.enabled(3));
        assertEquals(0, command(4, false, 4, 2, 2));
        assertTrue(fixture.enabled(2) && fixture.enabled(3));
        peer.ack(new Message.SetVringEnable(2, 0));
        assertFalse(fixture.enabled(2));
        peer.ack(new Message.ResetDevice());
        assertFalse(fixture.enabled(RECEIVE) || fixture.enabled(3));
    }

    @Test
    void withoutMqThereIsOnePair() throws Exception {
        peer.running(PLAIN, guest, 0, 1);
        assertEquals(0, peer.ack(new Message.SetVringNum(2, 256)));
        assertEquals(0, peer.ack(TestPeer.address(2)));
        assertEquals(0, peer.ack(new Message.SetVringFd(Request.SET_VRING_CALL, 2, true), guest.event.fd()));
        assertEquals(0, peer.ack(new Message.SetVringEnable(2, 0)), "QEMU sends it for all rings");
        assertEquals(1, peer.ack(new Message.SetVringFd(Request.SET_VRING_KICK, 2, true), guest.event.fd()),
            "the ring has no use");
        assertFalse(fixture.started(2) || fixture.enabled(2));
    }

    /** Sends all messages that start a ring, without asking for acknowledgements. */
    private void setUp(final int vring) throws IOException {
        peer.send(new Message.SetVringNum(vring, 256));
        peer.send(new Message.SetVringBase(vring, 0));
        peer.send(TestPeer.address(vring));
        peer.send(new Message.SetVringFd(Request.SET_VRING_CALL, vring, true), guest.event.fd());
        peer.send(new Message.SetVringFd(Request.SET_VRING_ERR, vring, true), guest.event.fd());
        peer.send(new Message.SetVringFd(Request.SET_VRING_KICK, vring, true), guest.event.fd());
        peer.send(new Message.SetVringEnable(vring, 1));
    }

    private void assertOnePairRuns() throws IOException {
        peer.number(new Message.GetFeatures());
        assertTrue(fixture.started(RECEIVE) && fixture.started(1));
        assertFalse(fixture.started(2) || fixture.started(3));
    }

    /** Without REPLY_ACK a refusal would end the connection. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aRingWithoutAUseDoesNotEndTheConnection(final boolean beforeFeatures) throws Exception {
        final long descriptors = OpenDescriptors.count();
        peer.protocol(TestPeer.PROTOCOL & ~ProtocolFeature.REPLY_ACK.mask());
        final int last = beforeFeatures ? 4 : 3; // 4 is allowed if a message named it before the features were known
        for (int vring = last; vring >= 0 && beforeFeatures; vring--) {
            setUp(vring);
        }
        peer.negotiated(PLAIN).send(TestPeer.table(), guest.fd());
        for (int vring = 0; vring < 2 && !beforeFeatures; vring++) {
            setUp(vring);
        }
        for (int round = 0; round < 2; round++) {
            for (int vring = 2; vring <= last; vring++) {
                setUp(vring);
            }
            assertOnePairRuns();
            for (int vring = 2; vring <= last; vring++) {
                assertEquals(vring, peer.number(new Message.GetVringBase(vring)),
                    "the position is its number: the ring never ran");
            }
        }
        assertOnePairRuns();
        peer.send(new Message.ResetDevice());
        peer.number(new Message.GetFeatures());
        assertFalse(fixture.started(RECEIVE) || fixture.started(2));
        peer.send(new Message.SetFeatures(MANY));
        for (int vring = 0; vring < 4; vring++) {
            setUp(vring);
        }
        start(4, false);
        assertTrue(fixture.started(2) && fixture.started(3));
        assertEquals(0, command(4, false, 4, 2, 2));
        peer.send(new Message.SetVringNum(5, 256));
        assertTrue(peer.ended(), "the port has no such ring");
        peer.close();
        fixture.awaitDetached();
        Await.until(() -> OpenDescriptors.count() <= descriptors);
    }

    @Test
    void aRingThatWasKickedTooEarlyStartsOnceItHasAUse() throws Exception {
        peer.send(new Message.SetProtocolFeatures(TestPeer.PROTOCOL));
        setUp(2);
        peer.send(new Message.SetFeatures(PLAIN));
        peer.send(TestPeer.table(), guest.fd());
        assertEquals(1, peer.ack(new Message.SetVringEnable(2, 1)), "the ring has no use");
        assertFalse(fixture.started(2));
        peer.send(new Message.SetFeatures(MANY));
        peer.number(new Message.GetFeatures());
        assertTrue(fixture.started(2));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aBigEndianControlQueueIsRefused(final boolean endianFirst) throws Exception {
        peer.close();
        fixture.close();
        final Path socket = directory.resolve("legacy");
        fixture = new SwitchFixture(socket, 2, BackendOptions.server(socket).with(ProtocolFeature.CROSS_ENDIAN));
        peer = fixture.peer().protocol(TestPeer.PROTOCOL | ProtocolFeature.CROSS_ENDIAN.mask());
        peer.negotiated(CONTROL & ~Features.of(Features.VERSION_1)).send(TestPeer.table(), guest.fd());
        if (endianFirst) {
            peer.send(new Message.SetVringEndian(2, 1));
            setUp(2);
        } else {
            peer.send(new Message.SetVringFd(Request.SET_VRING_KICK, 2, true), guest.event.fd());
            peer.send(new Message.SetVringEndian(2, 1));
            peer.send(new Message.SetVringNum(2, 256));
            peer.send(TestPeer.address(2));
        }
        assertEquals(1, peer.ack(new Message.SetVringFd(Request.SET_VRING_KICK, 2, true), guest.event.fd()));
        assertEquals(2, peer.number(new Message.GetVringBase(2)), "the position is its number: the ring never ran");
    }

    @Test
    void noCommandIsAnsweredWhileTheDeviceIsSuspended() throws Exception {
        peer.negotiated(CONTROL).send(TestPeer.table(), guest.fd());
        start(2, false);
        assertEquals(1, command(2, false, 0, 1, 1));
        peer.ack(new Message.Suspend());
        Memory.putShort(ring(2, 0x4000 + 6), (short) 0);
        Memory.putShortRelease(ring(2, 0x4002), (short) 2);
        guest.event.signal();
        for (int i = 0; i < 10; i++) {
            peer.number(new Message.GetFeatures());
        }
        assertEquals(1, Memory.getShortAcquire(ring(2, 0x8002)));
        peer.ack(new Message.Resume());
        Await.until(() -> Memory.getShortAcquire(ring(2, 0x8002)) == 2);
    }
}
