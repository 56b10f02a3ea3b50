package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.Codec;
import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.os.Mapping;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.os.Userfault;
import io.ringbridge.datapath.ring.DriverRing;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.RingAddresses;

import java.io.IOException;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * QEMU's part at the end of a migration by postcopy: a guest whose memory is at the host it came from, and comes page by page, those that
 * are missed first.
 */
final class IncomingGuest implements AutoCloseable {
    static final int PAGE = Memory.pageSize();
    static final int RING = 256;
    /** Where its buffers begin; what is before belongs to the rings, as {@link TestPeer#address} has them. */
    static final int BUFFERS = 0x40000;

    final TestPeer peer;
    final long features;
    final EventFd kick = EventFd.create();
    /** The guest's memory at the host it came from, all of it there. */
    final Mapping source = Mapping.anonymous(TestPeer.MEMORY);
    final MemFd target = TestPeer.memory();
    /** The guest's memory here, for who does not mind making pages. */
    final Mapping view = Mapping.map(target.fd(), 0, TestPeer.MEMORY);
    /** Pages that were missed, by their offset. */
    final Set<Long> missed = new TreeSet<>();
    private final Userfault own = Userfault.open();
    private final Mapping placing = Mapping.map(target.fd(), 0, TestPeer.MEMORY);
    private Userfault faults;
    private long base;

    IncomingGuest(final TestPeer peer, final long features) throws IOException {
        this.peer = peer;
        this.features = features | Features.of(Features.VERSION_1, Features.PROTOCOL_FEATURES);
        own.watch(placing);
        peer.send(new Message.SetProtocolFeatures(
            TestPeer.BESIDE_POSTCOPY | ProtocolFeature.PAGEFAULT.mask()));
        peer.send(new Message.SetOwner());
        peer.send(new Message.SetFeatures(this.features));
    }

    /** A ring of the guest's driver, at the host it came from. */
    DriverRing driver(final int vring) {
        final long at = source.address() + ((long) vring << 16);
        return DriverRing.create(RING, features, new RingAddresses(at, at + 0x4000, at + 0x8000));
    }

    /** What the guest calls an offset in its memory. */
    static long guest(final long offset) {
        return TestPeer.GUEST + offset;
    }

    /** Has the back-end make a descriptor by which it tells of missing pages. */
    Userfault advise() throws IOException {
        peer.send(new Message.PostcopyAdvise());
        try (Packet reply = peer.receive()) {
            assertEquals(Request.POSTCOPY_ADVISE.id(), reply.header().request());
            assertEquals(0, reply.payload().length);
            assertEquals(1, reply.descriptors().count());
            return Userfault.adopt(reply.descriptors().take(0));
        }
    }

    /** Announces the migration, and shares memory of which nothing is there. */
    void begin() throws IOException {
        faults = advise();
        assertEquals(0, peer.ack(new Message.PostcopyListen()));
        peer.send(TestPeer.table(), target.fd());
        try (Packet reply = peer.receive()) {
            final byte[] said = Codec.encode(TestPeer.table());
            assertEquals(Request.SET_MEM_TABLE.id(), reply.header().request());
            assertEquals(said.length, reply.payload().length, "as many bytes as were sent");
            final Message.Region region =
                ((Message.SetMemTable) Codec.decode(Request.SET_MEM_TABLE, reply.payload(), 1)).regions().getFirst();
            assertEquals(TestPeer.GUEST, region.guestAddress());
            base = region.userAddress();
        }
        peer.send(Request.SET_MEM_TABLE, Header.VERSION, Codec.number(0));
    }

    /** Says all there is to be said of rings, and kicks them. */
    void run(final int... vrings) throws IOException {
        for (final int vring : vrings) {
            peer.send(new Message.SetVringNum(vring, RING));
            peer.send(new Message.SetVringBase(vring, DriverRing.freshBase(features)));
            peer.send(TestPeer.address(vring));
            peer.send(new Message.SetVringFd(Request.SET_VRING_KICK, vring, true), kick.fd());
            peer.send(new Message.SetVringFd(Request.SET_VRING_CALL, vring, true), kick.fd());
            peer.send(new Message.SetVringEnable(vring, 1));
        }
        assertEquals(0, peer.ack(new Message.SetOwner()), "it answers while pages are missing");
    }

    /** Waits until a page is missed; its offset. */
    long awaitMissing() {
        final long[] offset = {-1};
        SwitchFixture.await(() -> {
            offset[0] = nextMissing();
            return offset[0] >= 0;
        });
        return offset[0];
    }

    private long nextMissing() {
        final long address = faults.nextMissing();
        if (address == 0) {
            return -1;
        }
        final long offset = address - base & -PAGE;
        assertTrue(offset >= 0 && offset < TestPeer.MEMORY, "an address where the back-end has the guest's memory");
        missed.add(offset);
        return offset;
    }

    /** A page comes from the other host. */
    void give(final long offset) {
        try {
            own.copy(source.address() + offset, placing.address() + offset, PAGE);
        } catch (final OsException e) {
            assertTrue(isThere(offset), e.getMessage());
        }
        wake(offset);
    }

    /** Lets who waits for a page look again. */
    void wake(final long offset) {
        faults.wake(base + offset, PAGE);
    }

    /** Gives what is missed until something has become so. */
    void serveUntil(final BooleanSupplier condition) {
        SwitchFixture.await(() -> {
            final long offset = nextMissing();
            if (offset >= 0) {
                give(offset);
            }
            return condition.getAsBoolean();
        });
    }

    /** Gives what has not come yet, as QEMU does all the time. */
    void giveRest() {
        for (long offset = 0; offset < TestPeer.MEMORY; offset += PAGE) {
            if (!isThere(offset)) {
                give(offset);
            }
        }
    }

    /** Whether a page is there, or was made. */
    boolean isThere(final long offset) {
        return (view.present(offset / PAGE, PAGE) & 1) != 0;
    }

    @Override
    public void close() {
        peer.close();
        placing.close();
        own.close();
        if (faults != null) {
            faults.close();
        }
        view.close();
        target.close();
        source.close();
        kick.close();
    }
}
