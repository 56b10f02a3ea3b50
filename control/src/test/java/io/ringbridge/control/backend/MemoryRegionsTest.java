package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.Message.Region;
import io.ringbridge.datapath.ring.Features;
import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests the regions of a guest's memory: added, removed, and cut off by the guest. */
class MemoryRegionsTest extends SessionFixture {
    private static final long PLAIN = Features.of(Features.VERSION_1, Features.MRG_RXBUF, Features.PROTOCOL_FEATURES);

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
