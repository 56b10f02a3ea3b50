package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.Mapping;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.Await;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.io.IOException;
import java.nio.file.Path;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests SET_VRING_ENDIAN and rings of big-endian drivers. */
@Timeout(60)
class CrossEndianTest extends SessionFixture {
    private static final long LEGACY = Features.of(Features.PROTOCOL_FEATURES);
    private static final long PROTOCOL = TestPeer.PROTOCOL | ProtocolFeature.CROSS_ENDIAN.mask();
    private static final int TRANSMIT = 1;
    private static final int BIG = 1;
    private static final int SIZE = 256;
    /** The size in bytes of one ring's region in an in-flight area. */
    private static final int REGION = 16 + 16 * SIZE + 48;

    private TestPeer peer;

    CrossEndianTest() {
        super(1, defaults -> defaults.with(ProtocolFeature.CROSS_ENDIAN));
    }

    @BeforeEach
    void connect() throws IOException {
        peer = fixture.peer();
    }

    @AfterEach
    void disconnect() {
        peer.close();
    }

    /** Sends everything that the transmit ring needs except its kick. */
    private void setUp(final long features) throws IOException {
        peer.send(new Message.SetProtocolFeatures(PROTOCOL));
        peer.send(new Message.SetFeatures(features));
        peer.send(TestPeer.table(), guest.fd());
        peer.send(new Message.SetVringNum(TRANSMIT, SIZE));
        peer.send(TestPeer.address(TRANSMIT));
        peer.send(new Message.SetVringEnable(TRANSMIT, 1));
    }

    private void start(final int base) throws IOException {
        peer.send(new Message.SetVringBase(TRANSMIT, base));
        assertEquals(0, peer.ack(new Message.SetVringFd(Request.SET_VRING_KICK, TRANSMIT, true), guest.event.fd()));
        assertTrue(fixture.started(TRANSMIT));
    }

    /**
     * Makes the first descriptor available again. Its buffer is too short for a frame, but the device uses it
     * nevertheless.
     */
    private void makeAvailable(final int number, final boolean big) {
        final long ring = guest.ring(TRANSMIT);
        final long address = TestPeer.GUEST + 0x90000;
        Memory.putLong(ring, big ? Long.reverseBytes(address) : address);
        Memory.putInt(ring + 8, big ? Integer.reverseBytes(16) : 16);
        final short shown = (short) (number + 1);
        Memory.putShortRelease(ring + 0x4002, big ? Short.reverseBytes(shown) : shown);
        guest.event.signal();
    }

    private void awaitUsed(final int number, final boolean big) {
        Await.until(() -> {
            final short used = Memory.getShortAcquire(guest.ring(TRANSMIT) + 0x8002);
            return (big ? Short.reverseBytes(used) : used) == number;
        });
    }

    @Test
    void theFeatureNeedsAnOption() throws Exception {
        assertEquals(PROTOCOL, peer.number(new Message.GetProtocolFeatures()));
        final Path other = directory.resolve("plain");
        try (SwitchFixture plain = new SwitchFixture(other, 1, BackendOptions.server(other));
             TestPeer without = plain.peer()) {
            assertEquals(TestPeer.PROTOCOL, without.number(new Message.GetProtocolFeatures()));
            without.negotiated(LEGACY);
            assertEquals(1, without.ack(new Message.SetVringEndian(TRANSMIT, BIG)), "not negotiated");
        }
    }

    @Test
    void aBigEndianRingIsServed() throws Exception {
        setUp(LEGACY);
        assertEquals(0, peer.ack(new Message.SetVringEndian(TRANSMIT, BIG)));
        start(0);
        for (int i = 0; i < 300; i++) {
            makeAvailable(i, true);
            awaitUsed(i + 1, true);
        }
        assertEquals(300, peer.base(TRANSMIT));
        // As after a restart of the switch: the ring resumes at its used index.
        start(300);
        makeAvailable(300, true);
        awaitUsed(301, true);
        Memory.putShortRelease(guest.ring(TRANSMIT) + 0x4002, Short.reverseBytes((short) 5));
        guest.event.signal();
        Await.until(() -> !fixture.started(TRANSMIT));
        assertEquals(301, peer.base(TRANSMIT), "a broken ring resumes at its used index");
        assertEquals(0, peer.ack(new Message.SetVringEndian(TRANSMIT, 0)));
        guest.available(TRANSMIT, 301);
        guest.used(TRANSMIT, 301);
        start(301);
        makeAvailable(301, false);
        awaitUsed(302, false);
    }

    @Test
    void theUsedIndexIsReadInItsByteOrder() throws Exception {
        setUp(LEGACY);
        assertEquals(0, peer.ack(new Message.SetVringEndian(TRANSMIT, BIG)));
        Memory.putShort(guest.ring(TRANSMIT) + 0x8002, Short.reverseBytes((short) 700));
        Memory.putShort(guest.ring(TRANSMIT) + 0x4002, Short.reverseBytes((short) 700));
        start(0);
        makeAvailable(700, true);
        awaitUsed(701, true);
    }

    private int entry(final Mapping area, final int head) {
        return Memory.getByte(area.address() + REGION + 16 + 16L * head);
    }

    /** The area is as a process leaves it that ended with chains in flight, before it had settled its last batch. */
    @Test
    void chainsInFlightAreRecordedAndTakenAgain() throws Exception {
        try (MemFd file = MemFd.create("inflight", 2 * REGION); Mapping area = Mapping.map(file.fd(), 0, 2 * REGION)) {
            final Message inflight = new Message.InflightFd(Request.SET_INFLIGHT_FD, file.size(), 0, 2, SIZE);
            setUp(LEGACY);
            assertEquals(0, peer.ack(inflight, file.fd()));
            assertEquals(0, peer.ack(new Message.SetVringEndian(TRANSMIT, BIG)));
            start(0);
            for (int i = 0; i < 5; i++) {
                makeAvailable(i, true);
                awaitUsed(i + 1, true);
            }
            Await.until(() -> Memory.getShortAcquire(area.address() + REGION + 14) == 5);
            assertEquals(1, Memory.getShort(area.address() + REGION + 8), "version, in host order");
            assertEquals(SIZE, Memory.getShort(area.address() + REGION + 10), "entries, in host order");
            assertEquals(0, entry(area, 0));
            peer.close();
            fixture.awaitDetached();

            final long ring = guest.ring(TRANSMIT);
            final int[] counters = {90, 40, 70, 50}; // of descriptors 0 to 3; the used ring already has number 0
            for (int head = 0; head < counters.length; head++) {
                Memory.putLong(ring + 16L * head, Long.reverseBytes(TestPeer.GUEST + 0x90000));
                Memory.putInt(ring + 16L * head + 8, Integer.reverseBytes(16));
                Memory.putShort(ring + 0x4004 + 2L * (5 + head), Short.reverseBytes((short) head));
                Memory.putLong(area.address() + REGION + 16 + 16L * head + 8, counters[head]);
                Memory.putByte(area.address() + REGION + 16 + 16L * head, (byte) 1);
            }
            Memory.putShort(area.address() + REGION + 12, (short) 0);
            Memory.putShort(ring + 0x8002, Short.reverseBytes((short) 6));
            Memory.putShort(ring + 0x4002, Short.reverseBytes((short) 9));
            peer = fixture.peer();
            setUp(LEGACY);
            assertEquals(0, peer.ack(inflight, file.fd()));
            assertEquals(0, peer.ack(new Message.SetVringEndian(TRANSMIT, BIG)));
            start(0);
            awaitUsed(9, true);
            final int[] order = {1, 3, 2};
            for (int i = 0; i < order.length; i++) {
                assertEquals(order[i], Integer.reverseBytes(Memory.getInt(ring + 0x8004 + 8L * (6 + i))));
            }
            assertEquals(9, peer.base(TRANSMIT));
            for (int head = 0; head < SIZE; head++) {
                assertEquals(0, entry(area, head), "nothing is in flight");
            }
            assertEquals(9, Memory.getShort(area.address() + REGION + 14), "settled");
        }
    }

    @Test
    void theByteOrderIsIgnoredWithVersion1() throws Exception {
        setUp(LEGACY | Features.of(Features.VERSION_1));
        assertEquals(0, peer.ack(new Message.SetVringEndian(TRANSMIT, BIG)));
        start(0);
        makeAvailable(0, false);
        awaitUsed(1, false);
    }

    @Test
    void invalidRequestsAreRefused() throws Exception {
        setUp(LEGACY);
        assertEquals(1, peer.ack(new Message.SetVringEndian(TRANSMIT, 2)));
        assertEquals(1, peer.ack(new Message.SetVringEndian(2, BIG)), "no such ring");
        assertEquals(0, peer.ack(new Message.SetVringEndian(TRANSMIT, BIG)));
        start(0);
        assertEquals(1, peer.ack(new Message.SetVringEndian(TRANSMIT, 0)), "it runs");
        makeAvailable(0, true);
        awaitUsed(1, true);
        assertEquals(0, peer.ack(new Message.ResetDevice()));
        assertFalse(fixture.started(TRANSMIT));
        Memory.putInt(guest.ring(TRANSMIT) + 0x8000, 0);
        Memory.putInt(guest.ring(TRANSMIT) + 0x4000, 0);
        setUp(LEGACY);
        start(0);
        makeAvailable(0, false);
        awaitUsed(1, false);
    }
}
