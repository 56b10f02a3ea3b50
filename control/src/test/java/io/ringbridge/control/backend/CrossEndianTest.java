package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.os.Mapping;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.datapath.ring.Features;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Path;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What the front-end says of a ring's byte order. */
@Timeout(60)
class CrossEndianTest {
    private static final long LEGACY = Features.of(Features.PROTOCOL_FEATURES);
    private static final long PROTOCOL = TestPeer.PROTOCOL | ProtocolFeature.CROSS_ENDIAN.mask();
    private static final int TRANSMIT = 1;
    private static final int BIG = 1;

    @TempDir
    Path directory;
    private SwitchFixture fixture;
    private MemFd memory;
    private Mapping guest;
    private EventFd kick;
    private TestPeer peer;

    @BeforeEach
    void start() throws IOException {
        final Path socket = directory.resolve("s");
        fixture = new SwitchFixture(socket, 1, BackendOptions.server(socket).with(ProtocolFeature.CROSS_ENDIAN));
        memory = TestPeer.memory();
        guest = Mapping.map(memory.fd(), 0, TestPeer.MEMORY);
        kick = EventFd.create();
        peer = fixture.peer();
    }

    @AfterEach
    void end() {
        peer.close();
        fixture.close();
        kick.close();
        guest.close();
        memory.close();
    }

    /** All that the transmit ring needs but its kick. */
    private void setUp(final long features) throws IOException {
        peer.send(new Message.SetProtocolFeatures(PROTOCOL));
        peer.send(new Message.SetFeatures(features));
        peer.send(TestPeer.table(), memory.fd());
        peer.send(new Message.SetVringNum(TRANSMIT, 256));
        peer.send(TestPeer.address(TRANSMIT));
        peer.send(new Message.SetVringEnable(TRANSMIT, 1));
    }

    private void start(final int base) throws IOException {
        peer.send(new Message.SetVringBase(TRANSMIT, base));
        assertEquals(0, peer.ack(new Message.SetVringFd(Request.SET_VRING_KICK, TRANSMIT, true), kick.fd()));
        assertTrue(fixture.started(TRANSMIT));
    }

    /** Makes the first descriptor available once more: one that is too short for a frame, which is used all the same. */
    private void offer(final int number, final boolean big) {
        final long ring = guest.address() + (TRANSMIT << 16);
        final long address = TestPeer.GUEST + 0x90000;
        Memory.putLong(ring, big ? Long.reverseBytes(address) : address);
        Memory.putInt(ring + 8, big ? Integer.reverseBytes(16) : 16);
        final short shown = (short) (number + 1);
        Memory.putShortRelease(ring + 0x4002, big ? Short.reverseBytes(shown) : shown);
        kick.signal();
    }

    private void awaitUsed(final int number, final boolean big) {
        SwitchFixture.await(() -> {
            final short used = Memory.getShortAcquire(guest.address() + (TRANSMIT << 16) + 0x8002);
            return (big ? Short.reverseBytes(used) : used) == number;
        });
    }

    private long base() throws IOException {
        return peer.number(new Message.GetVringBase(TRANSMIT)) >>> 32;
    }

    @Test
    void theFeatureNeedsAnOption() throws Exception {
        assertEquals(PROTOCOL, peer.number(new Message.GetProtocolFeatures()));
        final Path other = directory.resolve("plain");
        try (SwitchFixture plain = new SwitchFixture(other, 1, BackendOptions.server(other)); TestPeer without = plain.peer()) {
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
            offer(i, true);
            awaitUsed(i + 1, true);
        }
        assertEquals(300, base());
        // As after a restart of the switch: the front-end says 0, and the used index tells.
        start(300);
        offer(300, true);
        awaitUsed(301, true);
        Memory.putShortRelease(guest.address() + (TRANSMIT << 16) + 0x4002, Short.reverseBytes((short) 5));
        kick.signal();
        SwitchFixture.await(() -> !fixture.started(TRANSMIT));
        assertEquals(301, base(), "a ring that broke goes on where it is used");
        assertEquals(0, peer.ack(new Message.SetVringEndian(TRANSMIT, 0)));
        Memory.putShort(guest.address() + (TRANSMIT << 16) + 0x4002, (short) 301);
        Memory.putShort(guest.address() + (TRANSMIT << 16) + 0x8002, (short) 301);
        start(301);
        offer(301, false);
        awaitUsed(302, false);
    }

    @Test
    void theUsedIndexIsReadInItsByteOrder() throws Exception {
        setUp(LEGACY);
        assertEquals(0, peer.ack(new Message.SetVringEndian(TRANSMIT, BIG)));
        Memory.putShort(guest.address() + (TRANSMIT << 16) + 0x8002, Short.reverseBytes((short) 700));
        Memory.putShort(guest.address() + (TRANSMIT << 16) + 0x4002, Short.reverseBytes((short) 700));
        start(0);
        offer(700, true);
        awaitUsed(701, true);
    }

    @Test
    void driversWithVersion1HaveNoOrderToChoose() throws Exception {
        setUp(LEGACY | Features.of(Features.VERSION_1));
        assertEquals(0, peer.ack(new Message.SetVringEndian(TRANSMIT, BIG)));
        start(0);
        offer(0, false);
        awaitUsed(1, false);
    }

    @Test
    void whatCannotBeIsRefused() throws Exception {
        setUp(LEGACY);
        assertEquals(1, peer.ack(new Message.SetVringEndian(TRANSMIT, 2)));
        assertEquals(1, peer.ack(new Message.SetVringEndian(2, BIG)), "no such ring");
        assertEquals(0, peer.ack(new Message.SetVringEndian(TRANSMIT, BIG)));
        start(0);
        assertEquals(1, peer.ack(new Message.SetVringEndian(TRANSMIT, 0)), "it runs");
        offer(0, true);
        awaitUsed(1, true);
        assertEquals(0, peer.ack(new Message.ResetDevice()));
        assertFalse(fixture.started(TRANSMIT));
        Memory.putInt(guest.address() + (TRANSMIT << 16) + 0x8000, 0);
        Memory.putInt(guest.address() + (TRANSMIT << 16) + 0x4000, 0);
        setUp(LEGACY);
        start(0);
        offer(0, false);
        awaitUsed(1, false);
    }
}
