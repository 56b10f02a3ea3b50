package io.ringbridge.control.backend;

import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.protocol.Codec;
import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.datapath.os.Userfault;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.OpenDescriptors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/** Tests the messages of a postcopy migration, in order and out of order. */
@Timeout(60)
class PostcopyMessagesTest {
    private static final int ROUNDS = 100;
    private static final long PACKED = Features.of(Features.RING_PACKED);
    private static final int RECEIVE = 0;
    private static final int TRANSMIT = 1;

    @TempDir
    Path directory;
    private SwitchFixture fixture;
    private IncomingGuest guest;

    @BeforeEach
    void start() {
        final String problem = Userfault.problem();
        assumeTrue(problem == null, problem);
        final Path socket = directory.resolve("s");
        fixture = new SwitchFixture(socket, 1, BackendOptions.server(socket).with(ProtocolFeature.PAGEFAULT));
    }

    @AfterEach
    void end() {
        if (guest != null) {
            guest.close();
        }
        if (fixture != null) {
            fixture.close();
        }
    }

    private void arrive(final long layout) throws IOException {
        guest = new IncomingGuest(fixture.peer(), layout);
    }

    @Test
    void memorySlotsAreNotOfferedWithPostcopy() throws Exception {
        try (TestPeer peer = fixture.peer()) {
            assertFalse(ProtocolFeature.CONFIGURE_MEM_SLOTS.in(peer.number(new Message.GetProtocolFeatures())));
            peer.protocol(TestPeer.BESIDE_POSTCOPY).negotiated(PACKED);
            assertEquals(1, peer.ack(new Message.SetProtocolFeatures(TestPeer.PROTOCOL)));
        }
        arrive(0);
        assertEquals(1,
            guest.peer.ack(new Message.AddMemReg(TestPeer.table().regions().getFirst()), guest.target.fd()));
    }

    @Test
    void messagesOutOfOrderAreRefused() throws Exception {
        arrive(0);
        assertEquals(1, guest.peer.ack(new Message.PostcopyListen()), "not announced");
        assertEquals(1, guest.peer.number(new Message.PostcopyEnd()), "not announced");
        guest.peer.send(Request.ADD_MEM_REG, Header.VERSION | Header.NEED_REPLY, Codec.number(0));
        assertEquals(1, guest.peer.replyTo(Request.ADD_MEM_REG), "there is nothing to confirm");
        guest.advise().close();
        guest.advise().close();
        assertEquals(0, guest.peer.ack(TestPeer.table(), guest.target.fd()),
            "memory without LISTEN: the migration ended before postcopy");
        assertEquals(1, guest.peer.ack(new Message.PostcopyListen()), "the announcement has lapsed");
        guest.advise().close();
        assertEquals(1, guest.peer.ack(new Message.PostcopyListen()), "memory is already shared");
        assertEquals(0, guest.peer.ack(new Message.SetMemTable(List.of())));
        guest.advise().close();
        assertEquals(0, guest.peer.ack(new Message.PostcopyListen()));
        assertEquals(0, guest.peer.ack(new Message.PostcopyListen()), "QEMU sends it once per queue pair");
        assertEquals(0, guest.peer.number(new Message.PostcopyEnd()));
    }

    @Test
    void aPortIsNotHandedOverDuringPostcopy() throws Exception {
        arrive(0);
        guest.share();
        fixture.backend.requestPause();
        fixture.backend.awaitPaused(5000);
        assertThrows(HandOverException.class, () -> fixture.backend.saveState(new StateWriter()));
        fixture.backend.resume();
        assertEquals(0, guest.peer.number(new Message.PostcopyEnd()));
        fixture.backend.requestPause();
        fixture.backend.awaitPaused(5000);
        fixture.backend.saveState(new StateWriter());
        fixture.backend.resume();
    }

    /**
     * Sends a request, and waits for the reply.
     *
     * @return whether there was a reply; otherwise the connection has ended
     */
    private boolean request(final Message message) throws IOException {
        final int[] fds = switch (message) {
            case Message.AddMemReg _ -> new int[] {guest.target.fd()};
            case Message.SetMemTable m -> m.regions().stream().mapToInt(_ -> guest.target.fd()).toArray();
            case Message.SetVringFd _ -> new int[] {guest.source.event.fd()};
            default -> new int[0];
        };
        guest.peer.send(message.request(), Header.VERSION | Header.NEED_REPLY, Codec.encode(message), fds);
        try (Packet reply = guest.peer.receive()) {
            return reply != null;
        }
    }

    /** Pages are missing throughout, and none ever arrives. */
    @Test
    void messagesInAnyOrderEndAtMostTheConnection() throws Exception {
        final long seed = System.nanoTime();
        final SplittableRandom random = new SplittableRandom(seed);
        final long half = TestPeer.MEMORY / 2;
        final List<Message> anything = List.of(new Message.PostcopyAdvise(), new Message.PostcopyListen(),
            new Message.PostcopyEnd(), TestPeer.table(), new Message.SetMemTable(List.of()),
            new Message.AddMemReg(new Message.Region(TestPeer.GUEST, half, TestPeer.USER, 0)),
            new Message.RemMemReg(new Message.Region(TestPeer.GUEST, half, TestPeer.USER, 0)),
            new Message.AddMemReg(new Message.Region(TestPeer.GUEST + half, half, TestPeer.USER + half, half)),
            new Message.MemoryConfirmed(Request.ADD_MEM_REG, 0), new Message.MemoryConfirmed(Request.REM_MEM_REG, 1),
            new Message.SetVringNum(TRANSMIT, IncomingGuest.RING), new Message.SetVringBase(TRANSMIT, 0),
            TestPeer.address(TRANSMIT), TestPeer.address(RECEIVE),
            new Message.SetVringFd(Request.SET_VRING_KICK, TRANSMIT, true),
            new Message.SetVringEnable(TRANSMIT, 1), new Message.GetVringBase(TRANSMIT), new Message.Suspend(),
            new Message.Resume());
        long descriptors = 0;
        long mappings = 0;
        for (int round = 0; round < ROUNDS; round++) {
            arrive(random.nextBoolean() ? PACKED : 0);
            try {
                if (random.nextBoolean()) {
                    guest.share();
                    guest.startRings(TRANSMIT);
                }
                boolean open = true;
                for (int i = 0; i < 40 && open; i++) {
                    open = request(anything.get(random.nextInt(anything.size())));
                }
            } catch (IOException _) {
                // the back-end may end the connection at any time
            }
            guest.close();
            guest = null;
            try (TestPeer next = fixture.peer()) {
                next.number(new Message.GetFeatures()); // served once the previous connection has ended
                if (round == 0) { // counted with the next connection open, since its end is not awaited
                    descriptors = OpenDescriptors.count();
                    mappings = SwitchFixture.mappings();
                } else if (round == ROUNDS - 1) {
                    assertEquals(descriptors, OpenDescriptors.count(), () -> "seed " + seed);
                    assertEquals(mappings, SwitchFixture.mappings(), () -> "seed " + seed);
                }
            }
        }
    }

    @Test
    void theFeatureNeedsAnOption() throws Exception {
        try (TestPeer peer = fixture.peer()) {
            assertTrue(ProtocolFeature.PAGEFAULT.in(peer.number(new Message.GetProtocolFeatures())));
            peer.protocol(TestPeer.BESIDE_POSTCOPY).negotiated(Features.of(Features.PROTOCOL_FEATURES));
            assertEquals(1, peer.ack(new Message.PostcopyListen()), "not negotiated");
        }
        final Path socket = directory.resolve("plain");
        try (SwitchFixture plain = new SwitchFixture(socket, 1, BackendOptions.server(socket));
             TestPeer peer = plain.peer()) {
            assertFalse(ProtocolFeature.PAGEFAULT.in(peer.number(new Message.GetProtocolFeatures())));
        }
    }
}
