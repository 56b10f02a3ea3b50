package io.ringbridge.control.backend;

import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.datapath.driver.QueuePair;
import io.ringbridge.control.protocol.Codec;
import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.os.Mapping;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.ring.Features;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests the dirty log as a front-end sees it: the replies, and the time of each write. */
class MigrationLogTest {
    private static final long PLAIN = Features.of(Features.VERSION_1, Features.MRG_RXBUF, Features.PROTOCOL_FEATURES);
    private static final long LOG_ALL = Features.of(Features.LOG_ALL);
    /** Covers the guest's memory, which lies above 4 GiB. */
    private static final long LOG_BYTES = (TestPeer.GUEST + (32 << 20)) / 4096 / 8;

    @TempDir
    Path directory;
    private SwitchFixture fixture;
    private MemFd memory;
    private EventFd event;

    @BeforeEach
    void start() {
        fixture = new SwitchFixture(directory.resolve("s"));
        memory = TestPeer.memory();
        event = EventFd.create();
    }

    @AfterEach
    void end() {
        fixture.close();
        memory.close();
        event.close();
    }

    private static byte[] reply(final TestPeer peer, final int flags, final Message message, final int... fds)
        throws IOException {
        peer.send(message.request(), flags, Codec.encode(message), fds);
        try (Packet reply = peer.receive()) {
            assertEquals(new Header(message.request().id(), 5, reply.payload().length), reply.header());
            return reply.payload();
        }
    }

    @Test
    void theReplyRepeatsTheRequestOnce() throws Exception {
        final Message request = new Message.SetLogBase(0x1800, 4096);
        try (TestPeer peer = fixture.peer(); MemFd file = MemFd.create("log", 16384)) {
            peer.negotiated(PLAIN);
            for (final int flags : new int[] {Header.VERSION, Header.VERSION | Header.NEED_REPLY}) {
                assertArrayEquals(Codec.encode(request), reply(peer, flags, request, file.fd()));
                assertEquals(5, peer.number(new Message.GetQueueNum()), "no further reply comes before this one");
            }
        }
    }

    @Test
    void theReplyIsAnAcknowledgementIfConfigured() throws Exception {
        final Path other = directory.resolve("short");
        try (SwitchFixture old = new SwitchFixture(other, 1, BackendOptions.server(other).withLogBaseReply(8));
             TestPeer peer = old.peer(); MemFd file = MemFd.create("log", 8192)) {
            peer.negotiated(PLAIN);
            assertArrayEquals(new byte[8],
                reply(peer, Header.VERSION | Header.NEED_REPLY, new Message.SetLogBase(8192, 0), file.fd()));
            assertEquals(2, peer.number(new Message.GetQueueNum()));
        }
    }

    @Test
    void anInvalidLogEndsOnlyItsConnection() throws Exception {
        final long file = 8192;
        final long[][] bad = {{0, 0}, {0, 1}, {-1, 0}, {-1, 1}, {1, -1}, {file + 1, 0}, {file, 1}, {1, file},
            {Long.MAX_VALUE, 1},
            {1, Long.MAX_VALUE}, {Long.MAX_VALUE, Long.MAX_VALUE}, {Long.MIN_VALUE, Long.MIN_VALUE}, {-4096, 8192}};
        final long descriptors = SwitchFixture.openDescriptors();
        for (final long[] place : bad) {
            try (TestPeer peer = fixture.peer(); MemFd log = MemFd.create("log", file)) {
                peer.running(PLAIN, memory, event, 0, 1);
                peer.send(new Message.SetLogBase(place[0], place[1]), log.fd());
                assertTrue(peer.ended(), () -> "size " + place[0] + ", offset " + place[1]);
            }
            fixture.awaitDetached();
        }
        try (TestPeer peer = fixture.peer()) {
            peer.negotiated(PLAIN);
            peer.send(new Message.SetLogBase(file, 0));
            assertTrue(peer.ended(), "no descriptor");
        }
        try (TestPeer peer = fixture.peer()) {
            peer.negotiated(PLAIN);
            peer.send(new Message.SetLogBase(file, 0), event.fd());
            assertTrue(peer.ended(), "not a file");
        }
        fixture.awaitDetached();
        SwitchFixture.await(() -> SwitchFixture.openDescriptors() == descriptors);
        assertEquals(0, SwitchFixture.mappings());
        assertNull(fixture.port.failure());
    }

    @Test
    void onlyTheLogItselfHasToBeNegotiated() throws Exception {
        try (TestPeer peer = fixture.peer(); MemFd file = MemFd.create("log", 8192)) {
            peer.send(new Message.SetProtocolFeatures(TestPeer.PROTOCOL & ~ProtocolFeature.LOG_SHMFD.mask()));
            assertEquals(1, peer.ack(new Message.SetLogBase(8192, 0), file.fd()));
            assertEquals(0, peer.ack(new Message.SetLogFd(), event.fd()));
        }
    }

    @Test
    void replacedLogsAndDescriptorsAreReleased() throws Exception {
        final long descriptors = SwitchFixture.openDescriptors();
        try (TestPeer peer = fixture.peer(); MemFd file = MemFd.create("log", 65536)) {
            peer.running(PLAIN | LOG_ALL, memory, event, 0, 1);
            final long mappings = SwitchFixture.mappings();
            final long open = SwitchFixture.openDescriptors();
            for (int i = 1; i <= 16; i++) {
                reply(peer, Header.VERSION, new Message.SetLogBase(i * 4096L, 0), file.fd());
                assertEquals(0, peer.ack(new Message.SetLogFd(), event.fd()));
                assertEquals(1, peer.ack(new Message.SetLogFd(), file.fd()), "not a descriptor for notifications");
                assertEquals(mappings + 1, SwitchFixture.mappings());
                assertEquals(open + 2, SwitchFixture.openDescriptors());
            }
        }
        fixture.awaitDetached();
        SwitchFixture.await(() -> SwitchFixture.openDescriptors() == descriptors);
        assertEquals(0, SwitchFixture.mappings());
    }

    @Test
    void aTruncatedLogEndsTheConnection() throws Exception {
        try (TestPeer peer = fixture.peer(); MemFd file = MemFd.create("log", LOG_BYTES)) {
            peer.running(PLAIN, memory, event, 0, 1);
            reply(peer, Header.VERSION, new Message.SetLogBase(LOG_BYTES, 0), file.fd());
            peer.send(new Message.SetFeatures(PLAIN | LOG_ALL));
            final Message.SetVringAddr at = TestPeer.address(1);
            final Message logged = new Message.SetVringAddr(1, 1, at.descriptor(), at.used(), at.available(),
                TestPeer.GUEST);
            assertEquals(0, peer.ack(logged));
            file.resize(0);
            try (Mapping guest = Mapping.map(memory.fd(), 0, TestPeer.MEMORY)) {
                Memory.putShort(guest.address() + (1 << 16) + 0x4002, (short) 1);
            }
            event.signal();
            assertTrue(peer.ended());
        }
        fixture.awaitDetached();
        try (TestPeer peer = fixture.peer()) {
            peer.running(PLAIN, memory, event, 0, 1);
            assertTrue(fixture.started(1));
        }
    }

    /** A guest that counts its frames. */
    private static final class Guest implements AutoCloseable {
        final Frontend frontend;
        final QueuePair pair;
        int sent;

        Guest(final Path socket, final long features) throws IOException {
            frontend = Frontend.connect(socket);
            frontend.negotiate(features);
            frontend.share(32 << 20);
            pair = frontend.addPair(256, 2048);
            frontend.start();
        }

        void send(final int destination, final int source) {
            final ByteBuffer frame = ByteBuffer.allocate(200);
            frame.putShort((short) 0x5254).putInt(destination).putShort((short) 0x5254).putInt(source)
                .putShort((short) 0x88B5);
            frame.putInt(sent++);
            while (!pair.transmitter().transmit(frame.array())) {
                Thread.onSpinWait();
            }
        }

        int next() {
            while (!pair.receiver().poll()) {
                Thread.onSpinWait();
            }
            final int number = ByteBuffer.wrap(pair.receiver().frame()).getInt(14);
            pair.receiver().flush();
            return number;
        }

        @Override
        public void close() {
            frontend.close();
        }
    }

    /** An endless stream of frames from one guest to another, sent by a thread of its own. */
    private static final class Stream implements AutoCloseable {
        private final Guest to;
        private final Thread sender;

        Stream(final Guest from, final Guest to) {
            this.to = to;
            sender = Thread.ofPlatform().start(() -> {
                while (!Thread.interrupted()) {
                    from.send(2, 1);
                }
            });
        }

        void receive(final int frames) {
            for (int i = 0; i < frames; i++) {
                to.next();
            }
        }

        @Override
        public void close() {
            sender.interrupt();
            while (sender.isAlive()) {
                to.pair.receiver().poll();
                to.pair.receiver().flush();
            }
        }
    }

    /** Adds a second port to the switch, for traffic between the two. */
    private Backend second(final Path socket) {
        return Backend.open(fixture.datapath.addGuestPort("b", 1, 1500), BackendOptions.server(socket));
    }

    private static int marked(final Mapping log) {
        int count = 0;
        for (long at = 0; at < log.size(); at++) {
            count += Integer.bitCount(Memory.getByte(log.address() + at) & 0xFF);
        }
        return count;
    }

    private static void talk(final Guest a, final Guest b, final int frames) {
        for (int i = 0; i < frames; i++) {
            a.send(2, 1);
            assertEquals(a.sent - 1, b.next());
        }
    }

    private static void learn(final Guest a, final Guest b) {
        b.send(1, 2);
        a.next();
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1L << Features.RING_PACKED, 1L << Features.EVENT_IDX})
    void loggingIsToggledWhileRingsRun(final long layout) throws Exception {
        final Path socket = directory.resolve("b");
        try (Backend _ = second(socket); Guest a = new Guest(fixture.socket, Frontend.DEFAULT_FEATURES | layout);
             Guest b = new Guest(socket, Frontend.DEFAULT_FEATURES | layout);
             MemFd file = MemFd.create("log", LOG_BYTES);
             Mapping log = Mapping.map(file.fd(), 0, LOG_BYTES)) {
            learn(a, b);
            b.frontend.logTo(file);
            for (int i = 0; i < 20; i++) {
                final boolean on = i % 2 != 0;
                b.frontend.logging(on);
                Memory.zero(log.address(), LOG_BYTES);
                talk(a, b, 20);
                b.frontend.logging(on);
                assertEquals(on, marked(log) > 5, "round " + i);
            }
            b.frontend.logging(true);
            b.frontend.stop();
            Memory.zero(log.address(), LOG_BYTES);
            a.send(2, 1);
            b.frontend.start();
            b.frontend.stop();
            assertTrue(marked(log) > 0, "a ring that starts is logged at once");
        }
    }

    @Test
    void theOldLogIsComplete() throws Exception {
        final Path socket = directory.resolve("b");
        try (Backend _ = second(socket); Guest a = new Guest(fixture.socket, Frontend.DEFAULT_FEATURES);
             Guest b = new Guest(socket, Frontend.DEFAULT_FEATURES)) {
            learn(a, b);
            final List<MemFd> files = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                files.add(MemFd.create("log", 2 * LOG_BYTES));
            }
            try (Mapping first = Mapping.map(files.get(0).fd(), 0, 2 * LOG_BYTES);
                 Mapping second = Mapping.map(files.get(1).fd(), 0, 2 * LOG_BYTES)) {
                final List<Mapping> logs = List.of(first, second);
                b.frontend.logTo(files.get(0));
                b.frontend.logging(true);
                try (Stream stream = new Stream(a, b)) {
                    for (int round = 1; round < 40; round++) {
                        stream.receive(20);
                        b.frontend.logTo(files.get(round % 2));
                        final Mapping old = logs.get(1 - round % 2);
                        assertTrue(marked(old) > 0);
                        Memory.zero(old.address(), old.size());
                        stream.receive(300);
                        assertEquals(0, marked(old), "no page is marked after the reply, round " + round);
                        assertTrue(marked(logs.get(round % 2)) > 0);
                    }
                }
            }
            files.forEach(MemFd::close);
        }
    }

    @Test
    void theDescriptorIsSignalledOnceTheLogIsWritten() throws Exception {
        final Path socket = directory.resolve("b");
        try (Backend _ = second(socket); Guest a = new Guest(fixture.socket, Frontend.DEFAULT_FEATURES);
             Guest b = new Guest(socket, Frontend.DEFAULT_FEATURES); MemFd file = MemFd.create("log", LOG_BYTES);
             Mapping log = Mapping.map(file.fd(), 0, LOG_BYTES); EventFd first = EventFd.create();
             EventFd second = EventFd.create()) {
            learn(a, b);
            b.frontend.command(new Message.SetLogFd(), first.fd());
            b.frontend.logTo(file);
            talk(a, b, 10);
            assertFalse(first.drain(), "logging is off");
            b.frontend.logging(true);
            a.send(2, 1);
            SwitchFixture.await(first::drain);
            assertTrue(marked(log) > 0, "the log is written before the signal");
            b.next();
            b.frontend.command(new Message.SetLogFd(), second.fd());
            first.drain();
            talk(a, b, 10);
            SwitchFixture.await(second::drain);
            assertFalse(first.drain(), "the replaced descriptor is not signalled");
            b.frontend.logging(false);
            second.drain();
            talk(a, b, 10);
            assertFalse(second.drain());
            assertEquals(PortState.RUNNING, fixture.port.state());
        }
    }

    @Test
    void resetDeviceEndsLogging() throws Exception {
        try (TestPeer peer = fixture.peer(); MemFd file = MemFd.create("log", LOG_BYTES);
             Mapping log = Mapping.map(file.fd(), 0, LOG_BYTES)) {
            peer.running(PLAIN | LOG_ALL, memory, event, 0, 1);
            reply(peer, Header.VERSION, new Message.SetLogBase(LOG_BYTES, 0), file.fd());
            assertEquals(0, peer.ack(new Message.ResetDevice()));
            Memory.zero(log.address(), LOG_BYTES);
            peer.running(PLAIN, memory, event, 0, 1);
            assertTrue(fixture.started(0));
            assertEquals(0, marked(log));
        }
    }
}
