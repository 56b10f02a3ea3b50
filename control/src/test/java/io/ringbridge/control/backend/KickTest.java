package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.Epoll;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.os.Mapping;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.datapath.ring.DriverRing;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.RingAddresses;

import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.nio.file.Path;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What becomes of the kicks of a driver whose worker sleeps between them. */
@Timeout(60)
class KickTest {
    private static final int VRING = 1;
    private static final int SIZE = 64;

    @TempDir
    Path directory;

    /** One that stays in the descriptor ends every sleep at once, and has QEMU serve the ring as soon as the switch is gone. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aKickIsTakenOutOfItsDescriptor(final boolean packed) throws Exception {
        final long features = Features.of(Features.VERSION_1, Features.PROTOCOL_FEATURES)
            | (packed ? Features.of(Features.RING_PACKED) : 0);
        try (SwitchFixture fixture = new SwitchFixture(directory.resolve("s")); MemFd memory = TestPeer.memory();
             Mapping mapping = Mapping.map(memory.fd(), 0, TestPeer.MEMORY); Epoll kicked = Epoll.create();
             TestPeer peer = fixture.peer().negotiated(features)) {
            final EventFd kick = EventFd.create();
            kicked.add(kick);
            peer.send(TestPeer.table(), memory.fd());
            peer.send(new Message.SetVringNum(VRING, SIZE));
            peer.send(new Message.SetVringBase(VRING, DriverRing.freshBase(features)));
            peer.send(TestPeer.address(VRING));
            peer.send(new Message.SetVringFd(Request.SET_VRING_KICK, VRING, true), kick.fd());
            assertEquals(0, peer.ack(new Message.SetVringEnable(VRING, 1)));
            final long at = mapping.address() + (VRING << 16);
            final DriverRing driver = DriverRing.create(SIZE, features, new RingAddresses(at, at + 0x4000, at + 0x8000));
            for (int i = 0; i < 20; i++) {
                SwitchFixture.await(() -> wantsKick(mapping, packed));
                assertTrue(driver.add(TestPeer.GUEST + 0x8_0000, 72, false) >= 0);
                assertTrue(driver.publish(), "it sleeps, and is to be kicked");
                kick.signal();
                SwitchFixture.await(() -> driver.poll() >= 0);
                SwitchFixture.await(() -> !kicked.await(0));
            }
            kicked.remove(kick);
            kick.close();
        }
    }

    private static boolean wantsKick(final Mapping mapping, final boolean packed) {
        final long device = mapping.address() + (VRING << 16) + 0x8000;
        return packed ? Memory.getShort(device + 2) == 0 : Memory.getShort(device) == 0;
    }
}
