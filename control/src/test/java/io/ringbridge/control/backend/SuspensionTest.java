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
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.ring.Features;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.zip.CRC32;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

/** Who may suspend a port, what that stops, and what goes on. */
class SuspensionTest {
    private static final long PLAIN = Features.of(Features.VERSION_1, Features.MRG_RXBUF, Features.PROTOCOL_FEATURES);
    private static final long WITH_STATUS_BIT = PLAIN | Features.of(Features.SUSPEND);
    private static final int READY = 0x0B;
    private static final int RUNS = 0x0F;
    private static final int SUSPEND_BIT = 0x10;
    private static final int AVAIL_IDX = 0x4002;
    private static final int USED_IDX = 0x8002;

    @TempDir
    Path directory;
    private SwitchFixture fixture;
    private MemFd memory;
    private EventFd event;
    private RequestSocket requests;

    /** Where a port may be; in all of them a front-end has attached and started both rings of a pair. */
    private enum State { RUNNING, BY_FRONT_END, BY_DRIVER, BY_BOTH, BY_OPERATOR, ALL_STOPPED }

    /**
     * A request, and what it leads to from each state in turn: {@code R} running, {@code S} suspended, {@code C} connected. A small
     * letter says that it is refused.
     */
    private record Row(Message message, String outcomes) { }

    private static final String UNCHANGED = "RSSSSS";
    private static final List<Row> TABLE = List.of(
        new Row(new Message.Suspend(), "SSSSSS"),
        new Row(new Message.Resume(), "RRSSSS"),
        new Row(new Message.SetStatus(0), "RRRRSC"),
        new Row(new Message.SetStatus(RUNS | SUSPEND_BIT), "SSRSSS"),
        new Row(new Message.SetStatus(RUNS), "RSRSSS"),
        new Row(new Message.SetStatus(READY | SUSPEND_BIT), "SSSSSS"),
        new Row(new Message.ResetOwner(), "RRRRSC"),
        new Row(new Message.ResetDevice(), "CCCCSC"),
        new Row(new Message.SetVringFd(Request.SET_VRING_KICK, 1, true), "RSSSSR"),
        new Row(new Message.SetVringFd(Request.SET_VRING_KICK, 1, false), "RSSSSR"),
        new Row(new Message.SetVringFd(Request.SET_VRING_CALL, 1, true), UNCHANGED),
        new Row(new Message.SetVringFd(Request.SET_VRING_ERR, 1, true), UNCHANGED),
        new Row(new Message.SetVringEnable(1, 0), UNCHANGED),
        new Row(new Message.SetVringEnable(1, 1), UNCHANGED),
        new Row(new Message.GetVringBase(0), UNCHANGED),
        new Row(new Message.SetVringNum(1, 256), "rssssS"),
        new Row(new Message.SetVringBase(1, 0), "rssssS"),
        new Row(TestPeer.address(1), UNCHANGED),
        new Row(TestPeer.table(), UNCHANGED),
        new Row(new Message.AddMemReg(new Message.Region(0, 4096, 0, 0)), UNCHANGED),
        new Row(new Message.SetFeatures(WITH_STATUS_BIT), UNCHANGED),
        new Row(new Message.SetFeatures(PLAIN), "rssssS"),
        new Row(new Message.SetProtocolFeatures(TestPeer.PROTOCOL), UNCHANGED),
        new Row(new Message.SetOwner(), UNCHANGED),
        new Row(new Message.NetSetMtu(1500), UNCHANGED),
        new Row(new Message.SetBackendReqFd(), UNCHANGED),
        new Row(new Message.GetFeatures(), UNCHANGED),
        new Row(new Message.GetProtocolFeatures(), UNCHANGED),
        new Row(new Message.GetQueueNum(), UNCHANGED),
        new Row(new Message.GetMaxMemSlots(), UNCHANGED),
        new Row(new Message.GetStatus(), UNCHANGED),
        new Row(new Message.GetSharedObject(1, 2), UNCHANGED),
        new Row(new Message.SetDeviceStateFd(0, 0), "rsssss"));

    @BeforeEach
    void start() throws IOException {
        fixture = new SwitchFixture(directory.resolve("s"));
        memory = TestPeer.memory();
        event = EventFd.create();
        requests = new RequestSocket();
    }

    @AfterEach
    void end() throws IOException {
        fixture.close();
        memory.close();
        event.close();
        requests.close();
    }

    /** A front-end that has come to a state; what is in the transmit ring then is there since the state was reached. */
    private TestPeer peer(final State state) throws IOException {
        index(AVAIL_IDX, 0);
        index(USED_IDX, 0);
        final TestPeer peer = fixture.peer().running(WITH_STATUS_BIT, memory, event, 0, 1);
        assertEquals(0, peer.ack(new Message.SetStatus(RUNS)));
        switch (state) {
            case RUNNING -> { }
            case BY_FRONT_END -> peer.ack(new Message.Suspend());
            case BY_DRIVER -> peer.ack(new Message.SetStatus(RUNS | SUSPEND_BIT));
            case BY_BOTH -> {
                peer.ack(new Message.Suspend());
                peer.ack(new Message.SetStatus(RUNS | SUSPEND_BIT));
            }
            case BY_OPERATOR -> fixture.port.suspend(SuspendCause.OPERATOR);
            default -> {
                base(peer, 0);
                base(peer, 1);
            }
        }
        assertEquals(state == State.RUNNING ? PortState.RUNNING : PortState.SUSPENDED, fixture.port.state());
        transmit();
        return peer;
    }

    /** Lets the guest make a frame available in vring 1, without a kick. */
    private void transmit() {
        try (Mapping guest = Mapping.map(memory.fd(), 0, TestPeer.MEMORY)) {
            Memory.putLong(guest.address() + (1 << 16), TestPeer.GUEST + 0x80000);
            Memory.putLong(guest.address() + (1 << 16) + 8, 76);
        }
        index(AVAIL_IDX, 1);
    }

    private void index(final int offset, final int value) {
        try (Mapping guest = Mapping.map(memory.fd(), 0, TestPeer.MEMORY)) {
            Memory.putShort(guest.address() + (1 << 16) + offset, (short) value);
        }
    }

    private int used() {
        try (Mapping guest = Mapping.map(memory.fd(), 0, TestPeer.MEMORY)) {
            return Memory.getShort(guest.address() + (1 << 16) + USED_IDX);
        }
    }

    private long checksum() {
        final byte[] bytes = new byte[(int) TestPeer.MEMORY];
        try (Mapping guest = Mapping.map(memory.fd(), 0, TestPeer.MEMORY)) {
            Memory.copy(guest.address(), bytes, 0, bytes.length);
        }
        final CRC32 crc = new CRC32();
        crc.update(bytes);
        return crc.getValue();
    }

    private static int base(final TestPeer peer, final int vring) throws IOException {
        peer.send(new Message.GetVringBase(vring));
        try (Packet reply = peer.receive()) {
            return Codec.vringNumber(reply.payload(), vring);
        }
    }

    /** Lets the worker go round, so that it would have found what it may do. */
    private void round() {
        for (int i = 0; i < 3; i++) {
            fixture.port.enableRing(3, false);
        }
    }

    /** Sends a request with the descriptor it needs; whether it was not refused. */
    private boolean accepted(final TestPeer peer, final Message message) throws IOException {
        final int[] fds = switch (message) {
            case Message.SetMemTable _, Message.AddMemReg _ -> new int[] {memory.fd()};
            case Message.SetVringFd m when m.hasDescriptor() -> new int[] {event.fd()};
            case Message.SetBackendReqFd _ -> new int[] {requests.given()};
            case Message.SetDeviceStateFd _ -> new int[] {event.fd()};
            default -> new int[0];
        };
        peer.send(message.request(), Header.VERSION | Header.NEED_REPLY, Codec.encode(message), fds);
        try (Packet reply = peer.receive()) {
            assertEquals(message.request().id(), reply.header().request());
            assertEquals(0, reply.descriptors().count());
            return message.request().reply() == Request.Reply.ALWAYS && !(message instanceof Message.SetDeviceStateFd)
                || Codec.number(reply.payload()) == 0;
        }
    }

    @Test
    void everyRequestInEveryState() throws Exception {
        for (final State state : State.values()) {
            for (final Row row : TABLE) {
                final char outcome = row.outcomes().charAt(state.ordinal());
                final String cell = row.message() + " in " + state;
                try (TestPeer peer = peer(state)) {
                    event.drain();
                    final long before = checksum();
                    assertEquals(Character.isUpperCase(outcome), accepted(peer, row.message()), cell);
                    assertEquals(switch (Character.toUpperCase(outcome)) {
                        case 'R' -> PortState.RUNNING;
                        case 'S' -> PortState.SUSPENDED;
                        default -> PortState.CONNECTED;
                    }, fixture.port.state(), cell);
                    if (fixture.port.state() == PortState.RUNNING) {
                        SwitchFixture.await(() -> used() == 1);
                    } else if (state != State.RUNNING) {
                        round();
                        assertEquals(before, checksum(), () -> cell + " touches the guest's memory");
                        assertFalse(event.drain(), () -> cell + " signals");
                    }
                    fixture.port.resume(SuspendCause.OPERATOR);
                }
                fixture.awaitDetached();
            }
        }
    }

    @Test
    void suspensionIsNegotiated() throws Exception {
        try (TestPeer peer = fixture.peer()) {
            peer.send(new Message.SetProtocolFeatures(ProtocolFeature.REPLY_ACK.mask()));
            for (final Message message : List.of(new Message.Suspend(), new Message.Resume(), new Message.GetSharedObject(1, 2))) {
                assertEquals(1, peer.ack(message));
            }
            assertEquals(PortState.CONNECTED, fixture.port.state());
        }
        final Path other = directory.resolve("off");
        final BackendOptions off = BackendOptions.server(other).withSuspend(new SuspendOptions(false, Features.SUSPEND));
        try (SwitchFixture without = new SwitchFixture(other, 2, off); TestPeer peer = without.peer()) {
            assertEquals(TestPeer.PROTOCOL & ~ProtocolFeature.SUSPEND.mask(), peer.number(new Message.GetProtocolFeatures()));
            peer.send(new Message.SetProtocolFeatures(ProtocolFeature.REPLY_ACK.mask()));
            assertEquals(1, peer.ack(new Message.SetProtocolFeatures(TestPeer.PROTOCOL)));
            assertEquals(1, peer.ack(new Message.Suspend()));
        }
    }

    @Test
    void anAcknowledgementIsSentOnlyWhereAskedFor() throws Exception {
        try (TestPeer peer = fixture.peer().running(PLAIN, memory, event, 0, 1)) {
            peer.send(new Message.Suspend());
            peer.send(new Message.Suspend());
            assertEquals(4, peer.number(new Message.GetQueueNum()), "nothing comes before this");
            assertEquals(PortState.SUSPENDED, fixture.port.state());
            peer.send(new Message.Resume());
            assertEquals(4, peer.number(new Message.GetQueueNum()));
            assertEquals(PortState.RUNNING, fixture.port.state());
        }
    }

    @Test
    void aSharedObjectIsNeverFound() throws Exception {
        try (TestPeer peer = fixture.peer().negotiated(PLAIN)) {
            final byte[] name = Codec.encode(new Message.GetSharedObject(7, 8));
            peer.send(Request.GET_SHARED_OBJECT, Header.VERSION, name);
            try (Packet reply = peer.receive()) {
                assertEquals(new Header(41, 5, 16), reply.header());
                assertArrayEquals(name, reply.payload());
                assertEquals(0, reply.descriptors().count());
            }
            assertEquals(PortState.CONNECTED, fixture.port.state());
        }
    }

    @Test
    void theDriverSuspendsByItsStatus() throws Exception {
        final Path other = directory.resolve("draft");
        final BackendOptions options = BackendOptions.server(other).withSuspend(new SuspendOptions(true, Features.SUSPEND_DRAFT));
        try (SwitchFixture draft = new SwitchFixture(other, 2, options)) {
            suspendByStatus(draft, Features.SUSPEND_DRAFT);
            try (TestPeer peer = draft.peer()) {
                assertFalse(Features.has(peer.number(new Message.GetFeatures()), Features.SUSPEND), "one bit or the other");
            }
        }
        suspendByStatus(fixture, Features.SUSPEND);
        try (TestPeer peer = fixture.peer().running(PLAIN, memory, event, 0, 1)) {
            peer.ack(new Message.SetStatus(RUNS));
            peer.ack(new Message.SetStatus(RUNS | SUSPEND_BIT));
            assertEquals(RUNS, peer.number(new Message.GetStatus()), "the feature is not negotiated");
            assertEquals(PortState.RUNNING, fixture.port.state());
        }
    }

    private void suspendByStatus(final SwitchFixture on, final int bit) throws IOException {
        try (TestPeer peer = on.peer().running(PLAIN | Features.of(bit), memory, event, 0, 1)) {
            peer.ack(new Message.SetStatus(READY));
            peer.ack(new Message.SetStatus(RUNS | SUSPEND_BIT));
            assertEquals(RUNS, peer.number(new Message.GetStatus()), "the driver was not running");
            for (int i = 0; i < 3; i++) {
                assertEquals(PortState.RUNNING, on.port.state());
                peer.ack(new Message.SetStatus(RUNS | SUSPEND_BIT));
                assertEquals(READY | SUSPEND_BIT, peer.number(new Message.GetStatus()));
                peer.ack(new Message.SetStatus(READY | SUSPEND_BIT));
                assertEquals(READY | SUSPEND_BIT, peer.number(new Message.GetStatus()));
                assertEquals(PortState.SUSPENDED, on.port.state());
                peer.ack(new Message.SetStatus(i == 0 ? RUNS : READY | SUSPEND_BIT | 4));
                assertEquals(RUNS, peer.number(new Message.GetStatus()));
            }
        }
        on.awaitDetached();
    }

    @Test
    void aFrontEndsSuspensionEndsWithItsConnectionAndAnOperatorsDoesNot() throws Exception {
        try (TestPeer peer = fixture.peer().running(PLAIN, memory, event, 0, 1)) {
            peer.ack(new Message.Suspend());
            fixture.port.suspend(SuspendCause.OPERATOR);
            assertEquals(Set.of(SuspendCause.FRONT_END, SuspendCause.OPERATOR), fixture.port.suspendedBy());
        }
        SwitchFixture.await(() -> !fixture.started(1));
        assertEquals(PortState.SUSPENDED, fixture.port.state());
        try (TestPeer peer = fixture.peer().running(PLAIN, memory, event, 0, 1)) {
            assertEquals(Set.of(SuspendCause.OPERATOR), fixture.port.suspendedBy());
            transmit();
            event.signal();
            round();
            assertEquals(0, used());
            assertEquals(0, peer.ack(new Message.Suspend()));
            fixture.port.resume(SuspendCause.OPERATOR);
            round();
            assertEquals(0, used());
            assertEquals(0, peer.ack(new Message.Resume()));
            SwitchFixture.await(() -> used() == 1);
        }
    }

    @Test
    void aRingThatStartsWhileSuspendedIsNotLookedAtBefore() throws Exception {
        try (TestPeer peer = fixture.peer().negotiated(PLAIN)) {
            peer.ack(new Message.Suspend());
            peer.running(PLAIN, memory, event, 0, 1);
            assertEquals(0, base(peer, 1), "it never ran");
            peer.send(new Message.SetVringFd(Request.SET_VRING_KICK, 1, true), event.fd());
            peer.number(new Message.GetFeatures());
            index(USED_IDX, 77);
            index(AVAIL_IDX, 77);
            assertEquals(0, peer.ack(new Message.Resume()));
            assertEquals(77, base(peer, 1), "where the used index was when it first ran");
            peer.send(new Message.SetVringFd(Request.SET_VRING_KICK, 1, true), event.fd());
            peer.ack(new Message.Suspend());
            assertEquals(77, base(peer, 1));
            peer.send(new Message.SetVringFd(Request.SET_VRING_KICK, 1, true), event.fd());
            assertEquals(77, base(peer, 1));
        }
    }

    @Test
    void theMemoryTableMayChangeWhileSuspended() throws Exception {
        try (TestPeer peer = fixture.peer().running(PLAIN, memory, event, 0, 1); MemFd first = memory) {
            peer.ack(new Message.Suspend());
            memory = TestPeer.memory();
            assertEquals(0, peer.ack(TestPeer.table(), memory.fd()));
            first.resize(0);
            transmit();
            round();
            assertEquals(0, used());
            assertEquals(0, peer.ack(new Message.Resume()));
            SwitchFixture.await(() -> used() == 1);
            assertEquals(1, base(peer, 1));
        }
    }
}
