package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.ring.DriverRing;
import io.ringbridge.testkit.Await;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.io.IOException;
import java.nio.file.Files;
import java.util.List;

import static io.ringbridge.control.backend.PeerGuest.features;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests the position at which a packed ring resumes that is recorded in the port's journal. */
@Timeout(60)
class JournalTest extends RecoveryFixture {
    private static final int FRESH = 0x8000_8000;

    @Test
    void aPackedRingResumesAtThePositionInItsJournal() throws Exception {
        final DriverRing driver = driver(true);
        for (int round = 0; round < 40; round++) {
            final TestPeer peer = running(true, null, FRESH);
            guest.move(driver, 7);
            leave(peer);
        }
        assertTrue(Files.exists(directory.resolve("a.1.journal")));
    }

    @Test
    void aPositionFromGetVringBaseOverridesTheJournal() throws Exception {
        final DriverRing driver = driver(true);
        final TestPeer peer = running(true, null, FRESH);
        guest.move(driver, 7);
        assertEquals(0x8007_8007, peer.base(VRING));
        ring(peer, 0x8007_8007);
        guest.move(driver, 5);
        leave(peer);
        final TestPeer again = running(true, null, 0x8007_8007);
        guest.move(driver, 5);
        leave(again);
        final TestPeer given = running(true, null, 0x8011_8011);
        guest.move(driver, 5);
        leave(given);
    }

    /** Stops the ring by removing its memory, and starts it again in place. */
    private void unmapAndMapAgain(final TestPeer peer) throws IOException {
        final Message elsewhere = new Message.SetMemTable(List.of(new Message.Region(TestPeer.GUEST, 4096, 0x1000, 0)));
        assertEquals(1, peer.ack(elsewhere, guest.fd()), "the acknowledgement reports that the ring was stopped");
        assertFalse(fixture.started(VRING));
        peer.send(TestPeer.table(), guest.fd());
        peer.send(new Message.SetVringFd(Request.SET_VRING_KICK, VRING, true), guest.event.fd());
        Await.until(() -> fixture.started(VRING));
    }

    /** The ring is not created again before the port resumes. Until then only the journal has its position. */
    @Test
    void theJournalIsUsedForARingThatRestartsWhileSuspended() throws Exception {
        final DriverRing driver = driver(true);
        for (int round = 0; round < 10; round++) {
            final TestPeer peer = running(true, null, FRESH);
            guest.move(driver, round);
            assertEquals(0, peer.ack(new Message.Suspend()));
            for (int i = 0; i < 2; i++) {
                unmapAndMapAgain(peer);
            }
            leave(peer);
        }
    }

    @Test
    void theJournalIsUsedForARingThatHasNotRunYet() throws Exception {
        final DriverRing driver = driver(true);
        leave(running(true, null, FRESH));
        final TestPeer first = running(true, null, FRESH);
        guest.move(driver, 7);
        leave(first);
        final TestPeer peer = fixture.peer().negotiated(features(true));
        peer.send(TestPeer.table(), guest.fd());
        assertEquals(0, peer.ack(new Message.Suspend()));
        ring(peer, FRESH);
        unmapAndMapAgain(peer);
        assertEquals(0, peer.ack(new Message.Resume()));
        guest.move(driver, 5);
        leave(peer);
    }

    @Test
    void anUndeliveredReplyLeavesThePositionInTheJournal() throws Exception {
        final DriverRing driver = driver(true);
        for (int round = 0; round < 3; round++) {
            final TestPeer peer = running(true, null, FRESH);
            guest.move(driver, 7);
            fixture.backend.requestPause();
            fixture.backend.awaitPaused(30_000);
            peer.send(new Message.GetVringBase(VRING)); // read after the connection has closed
            peer.close();
            fixture.backend.resume();
            fixture.awaitDetached();
        }
    }

    @Test
    void theJournalIsUsedAfterANewMemoryTable() throws Exception {
        final DriverRing driver = driver(true);
        for (int round = 0; round < 3; round++) {
            final TestPeer peer = running(true, null, FRESH);
            guest.move(driver, 7);
            peer.send(TestPeer.table(), guest.fd());
            guest.move(driver, 7);
            leave(peer);
        }
    }

    /** Uses a chain at QEMU's own idea of the position, as QEMU does if the guest kicks while there is no back-end. */
    private void useByFrontEnd(final int index) {
        final long at = guest.ring(VRING) + 16L * index;
        Memory.putInt(at + 8, 0);
        Memory.putShort(at + 14, (short) 0x8080);
    }

    @Test
    void chainsThatTheFrontEndHasUsedAreSkipped() throws Exception {
        final DriverRing driver = driver(true);
        final TestPeer peer = running(true, null, FRESH);
        for (int i = 0; i < 2 * SIZE - 4; i += 4) {
            guest.move(driver, 4);
        }
        leave(peer);
        for (int i = 0; i < 12; i++) { // the fifth is at descriptor 0
            guest.add(driver, 1);
        }
        driver.publish();
        useByFrontEnd(0);
        final int known = FRESH + 0x1_0001;
        for (int i = 0; i < 2; i++) { // another crash before the ring is created changes nothing
            final TestPeer suspended = fixture.peer().negotiated(features(true));
            suspended.send(TestPeer.table(), guest.fd());
            assertEquals(0, suspended.ack(new Message.Suspend()));
            final byte[] before = guest.content();
            ring(suspended, known);
            assertArrayEquals(before, guest.content());
            leave(suspended);
        }
        final TestPeer again = running(true, null, known);
        PeerGuest.awaitUsed(driver, 12);
        assertEquals(SIZE, driver.free());
        for (int i = 0; i < 3 * SIZE; i += 4) {
            guest.move(driver, 4);
        }
        leave(again);
        final TestPeer last = running(true, null, known);
        guest.move(driver, 4);
        leave(last);
    }

    @Test
    void theJournalIsIgnoredForAResetRing() throws Exception {
        for (final int frames : new int[] {7, SIZE, SIZE + 7, 2 * SIZE + 1}) {
            final DriverRing driver = driver(true);
            final TestPeer peer = running(true, null, FRESH);
            for (int left = frames; left > 0; left -= Math.min(left, 5)) {
                guest.move(driver, Math.min(left, 5));
            }
            leave(peer);
            Memory.zero(guest.ram.address(), TestPeer.MEMORY);
            final TestPeer again = running(true, null, FRESH);
            guest.move(driver(true), 9);
            leave(again);
            Memory.zero(guest.ram.address(), TestPeer.MEMORY);
        }
    }

    @Test
    void theJournalOfAnotherGuestIsIgnored() throws Exception {
        final TestPeer peer = running(true, null, FRESH);
        guest.move(driver(true), 7);
        leave(peer);
        guest.close();
        guest = new PeerGuest();
        final TestPeer other = running(true, null, FRESH);
        guest.move(driver(true), 7);
        leave(other);
    }
}
