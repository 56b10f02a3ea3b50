package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.Codec;
import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.Mapping;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.os.Userfault;
import io.ringbridge.datapath.ring.DriverRing;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.Await;

import java.io.IOException;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * QEMU's part at the destination of a postcopy migration. The guest's memory is still at the source host and arrives
 * page by page, missing pages first.
 */
final class IncomingGuest implements AutoCloseable {
    static final int PAGE = Memory.pageSize();
    static final int RING = 256;
    /** The offset of the first buffer; the rings are before it, as {@link TestPeer#address} places them. */
    static final int BUFFERS = 0x40000;

    final TestPeer peer;
    final long features;
    /** The guest at the source host, whose memory is complete. */
    final PeerGuest source = new PeerGuest();
    final MemFd target = MemFd.create("incoming", TestPeer.MEMORY);
    /** The guest's memory at the destination. Access through this mapping creates missing pages. */
    final Mapping view = Mapping.map(target.fd(), 0, TestPeer.MEMORY);
    /** The offsets of the pages that were missing. */
    final Set<Long> missed = new TreeSet<>();
    private final Userfault destination = Userfault.open();
    private final Mapping placing = Mapping.map(target.fd(), 0, TestPeer.MEMORY);
    private Userfault faults;
    private long base;

    IncomingGuest(final TestPeer peer, final long features) throws IOException {
        this.peer = peer;
        this.features = features | Features.of(Features.VERSION_1, Features.PROTOCOL_FEATURES);
        destination.watch(placing);
        peer.send(new Message.SetProtocolFeatures(
            TestPeer.BESIDE_POSTCOPY | ProtocolFeature.PAGEFAULT.mask()));
        peer.send(new Message.SetOwner());
        peer.send(new Message.SetFeatures(this.features));
    }

    /** Creates a ring of the guest's driver, in the memory at the source host. */
    DriverRing driver(final int vring) {
        return source.driver(vring, RING, features);
    }

    /** Returns the guest address of an offset. */
    static long guest(final long offset) {
        return TestPeer.GUEST + offset;
    }

    /** Requests the userfaultfd through which the back-end reports missing pages. */
    Userfault advise() throws IOException {
        peer.send(new Message.PostcopyAdvise());
        try (Packet reply = peer.receive()) {
            assertEquals(Request.POSTCOPY_ADVISE.id(), reply.header().request());
            assertEquals(0, reply.payload().length);
            assertEquals(1, reply.descriptors().count());
            return Userfault.adopt(reply.descriptors().take(0));
        }
    }

    /** Announces the migration, and shares the memory while no page is present. */
    void share() throws IOException {
        faults = advise();
        assertEquals(0, peer.ack(new Message.PostcopyListen()));
        peer.send(TestPeer.table(), target.fd());
        try (Packet reply = peer.receive()) {
            final byte[] sent = Codec.encode(TestPeer.table());
            assertEquals(Request.SET_MEM_TABLE.id(), reply.header().request());
            assertEquals(sent.length, reply.payload().length, "as many bytes as were sent");
            final Message.Region region =
                ((Message.SetMemTable) Codec.decode(Request.SET_MEM_TABLE, reply.payload(), 1)).regions().getFirst();
            assertEquals(TestPeer.GUEST, region.guestAddress());
            base = region.userAddress();
        }
        peer.send(Request.SET_MEM_TABLE, Header.VERSION, Codec.number(0));
    }

    /** Sends all messages that start these rings. */
    void startRings(final int... vrings) throws IOException {
        for (final int vring : vrings) {
            peer.start(vring, RING, DriverRing.freshBase(features), source.event);
            peer.send(new Message.SetVringEnable(vring, 1));
        }
        assertEquals(0, peer.ack(new Message.SetOwner()), "the back-end replies while pages are missing");
    }

    /** Waits until the back-end misses a page, and returns the page's offset. */
    long awaitMissing() {
        final long[] offset = {-1};
        Await.until(() -> {
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
        assertTrue(offset >= 0 && offset < TestPeer.MEMORY,
            "the address is in the back-end's mapping of the guest's memory");
        missed.add(offset);
        return offset;
    }

    /** Copies a page from the source host, and wakes the threads that wait for it. */
    void copy(final long offset) {
        try {
            destination.copy(source.ram.address() + offset, placing.address() + offset, PAGE);
        } catch (final OsException e) {
            assertTrue(isPresent(offset), e.getMessage());
        }
        wake(offset);
    }

    /** Wakes the threads that wait for a page. */
    void wake(final long offset) {
        faults.wake(base + offset, PAGE);
    }

    /** Copies pages as they are missed, until the condition is met. */
    void serveUntil(final BooleanSupplier condition) {
        Await.until(() -> {
            final long offset = nextMissing();
            if (offset >= 0) {
                copy(offset);
            }
            return condition.getAsBoolean();
        });
    }

    /** Copies all pages that are not present yet, as QEMU does in the background. */
    void copyMissing() {
        for (long offset = 0; offset < TestPeer.MEMORY; offset += PAGE) {
            if (!isPresent(offset)) {
                copy(offset);
            }
        }
    }

    /** Returns whether a page is present. */
    boolean isPresent(final long offset) {
        return (view.present(offset / PAGE, PAGE) & 1) != 0;
    }

    @Override
    public void close() {
        peer.close();
        placing.close();
        destination.close();
        if (faults != null) {
            faults.close();
        }
        view.close();
        target.close();
        source.close();
    }
}
