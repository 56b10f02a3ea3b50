package io.ringbridge.control.backend;

import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.frontend.Guest;
import io.ringbridge.control.protocol.Codec;
import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.datapath.driver.QueuePair;
import io.ringbridge.datapath.driver.QueueShape;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.os.Mapping;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.Await;
import io.ringbridge.testkit.NumberedFrames;
import io.ringbridge.testkit.OpenDescriptors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests the dirty log as a front-end sees it: the replies, and the time of each write. */
class MigrationLogTest extends SessionFixture {
    private static final long PLAIN = Features.of(Features.VERSION_1, Features.MRG_RXBUF, Features.PROTOCOL_FEATURES);
    private static final long LOG_ALL = Features.of(Features.LOG_ALL);
    /** Covers the guest's memory, which lies above 4 GiB. */
    private static final long LOG_BYTES = (TestPeer.GUEST + (32 << 20)) / 4096 / 8;

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
        final long descriptors = OpenDescriptors.count();
        for (final long[] place : bad) {
            try (TestPeer peer = fixture.peer(); MemFd log = MemFd.create("log", file)) {
                peer.running(PLAIN, guest, 0, 1);
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
            peer.send(new Message.SetLogBase(file, 0), guest.event.fd());
            assertTrue(peer.ended(), "not a file");
        }
        fixture.awaitDetached();
        Await.until(() -> OpenDescriptors.count() == descriptors);
        assertEquals(0, guest.mappedByOthers());
        assertNull(fixture.port.failure());
    }

    @Test
    void onlyTheLogItselfHasToBeNegotiated() throws Exception {
        try (TestPeer peer = fixture.peer(); MemFd file = MemFd.create("log", 8192)) {
            peer.send(new Message.SetProtocolFeatures(TestPeer.PROTOCOL & ~ProtocolFeature.LOG_SHMFD.mask()));
            assertEquals(1, peer.ack(new Message.SetLogBase(8192, 0), file.fd()));
            assertEquals(0, peer.ack(new Message.SetLogFd(), guest.event.fd()));
        }
    }

    @Test
    void replacedLogsAndDescriptorsAreReleased() throws Exception {
        final long descriptors = OpenDescriptors.count();
        try (TestPeer peer = fixture.peer(); MemFd file = MemFd.create("log", 65536)) {
            peer.running(PLAIN | LOG_ALL, guest, 0, 1);
            final long mappings = SwitchFixture.mappings();
            final long open = OpenDescriptors.count();
            for (int i = 1; i <= 16; i++) {
                reply(peer, Header.VERSION, new Message.SetLogBase(i * 4096L, 0), file.fd());
                assertEquals(0, peer.ack(new Message.SetLogFd(), guest.event.fd()));
                assertEquals(1, peer.ack(new Message.SetLogFd(), file.fd()), "not a descriptor for notifications");
                assertEquals(mappings + 1, SwitchFixture.mappings());
                assertEquals(open + 2, OpenDescriptors.count());
            }
        }
        fixture.awaitDetached();
        Await.until(() -> OpenDescriptors.count() == descriptors);
        assertEquals(0, guest.mappedByOthers());
    }

    @Test
    void aTruncatedLogEndsTheConnection() throws Exception {
        try (TestPeer peer = fixture.peer(); MemFd file = MemFd.create("log", LOG_BYTES)) {
            peer.running(PLAIN, guest, 0, 1);
            reply(peer, Header.VERSION, new Message.SetLogBase(LOG_BYTES, 0), file.fd());
            peer.send(new Message.SetFeatures(PLAIN | LOG_ALL));
            final Message.SetVringAddr at = TestPeer.address(1);
            final Message logged = new Message.SetVringAddr(1, 1, at.descriptor(), at.used(), at.available(),
                TestPeer.GUEST);
            assertEquals(0, peer.ack(logged));
            file.resize(0);
            guest.available(1);
            guest.event.signal();
            assertTrue(peer.ended());
        }
        fixture.awaitDetached();
        try (TestPeer peer = fixture.peer()) {
            peer.running(PLAIN, guest, 0, 1);
            assertTrue(fixture.started(1));
        }
    }

    /** One of two guests, stations 1 and 2. It counts the frames that it sends to the other one. */
    private static final class Talker implements AutoCloseable {
        final Frontend frontend;
        final QueuePair queues;
        long sent;
        private final Guest guest;
        private final NumberedFrames frames;

        Talker(final Path socket, final long features, final int station) throws IOException {
            guest = Guest.attach(socket, features, new QueueShape(256, 2048));
            frontend = guest.frontend();
            queues = guest.queues();
            frames = new NumberedFrames(queues.transmitter(), 3 - station, station);
        }

        void send() {
            while (!frames.send(sent)) {
                Thread.onSpinWait();
            }
            sent++;
        }

        long next() {
            while (!queues.receiver().poll()) {
                Thread.onSpinWait();
            }
            final long number = NumberedFrames.number(queues.receiver().address());
            queues.receiver().flush();
            return number;
        }

        @Override
        public void close() {
            guest.close();
        }
    }

    /** An endless stream of frames from one guest to another, sent by a thread of its own. */
    private static final class Stream implements AutoCloseable {
        private final Talker to;
        private final Thread sender;

        Stream(final Talker from, final Talker to) {
            this.to = to;
            sender = Thread.ofPlatform().start(() -> {
                while (!Thread.interrupted()) {
                    from.send();
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
                to.queues.receiver().poll();
                to.queues.receiver().flush();
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

    private static void talk(final Talker a, final Talker b, final int frames) {
        for (int i = 0; i < frames; i++) {
            a.send();
            assertEquals(a.sent - 1, b.next());
        }
    }

    private static void learn(final Talker a, final Talker b) {
        b.send();
        a.next();
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1L << Features.RING_PACKED, 1L << Features.EVENT_IDX})
    void loggingIsToggledWhileRingsRun(final long layout) throws Exception {
        final Path socket = directory.resolve("b");
        try (Backend _ = second(socket); Talker a = new Talker(fixture.socket, Frontend.DEFAULT_FEATURES | layout, 1);
             Talker b = new Talker(socket, Frontend.DEFAULT_FEATURES | layout, 2);
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
            a.send();
            b.frontend.start();
            b.frontend.stop();
            assertTrue(marked(log) > 0, "a ring that starts is logged at once");
        }
    }

    @Test
    void theOldLogIsComplete() throws Exception {
        final Path socket = directory.resolve("b");
        try (Backend _ = second(socket); Talker a = new Talker(fixture.socket, Frontend.DEFAULT_FEATURES, 1);
             Talker b = new Talker(socket, Frontend.DEFAULT_FEATURES, 2)) {
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
        try (Backend _ = second(socket); Talker a = new Talker(fixture.socket, Frontend.DEFAULT_FEATURES, 1);
             Talker b = new Talker(socket, Frontend.DEFAULT_FEATURES, 2); MemFd file = MemFd.create("log", LOG_BYTES);
             Mapping log = Mapping.map(file.fd(), 0, LOG_BYTES); EventFd first = EventFd.create();
             EventFd second = EventFd.create()) {
            learn(a, b);
            b.frontend.command(new Message.SetLogFd(), first.fd());
            b.frontend.logTo(file);
            talk(a, b, 10);
            assertFalse(first.drain(), "logging is off");
            b.frontend.logging(true);
            a.send();
            Await.until(first::drain);
            assertTrue(marked(log) > 0, "the log is written before the signal");
            b.next();
            b.frontend.command(new Message.SetLogFd(), second.fd());
            first.drain();
            talk(a, b, 10);
            Await.until(second::drain);
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
            peer.running(PLAIN | LOG_ALL, guest, 0, 1);
            reply(peer, Header.VERSION, new Message.SetLogBase(LOG_BYTES, 0), file.fd());
            assertEquals(0, peer.ack(new Message.ResetDevice()));
            Memory.zero(log.address(), LOG_BYTES);
            peer.running(PLAIN, guest, 0, 1);
            assertTrue(fixture.started(0));
            assertEquals(0, marked(log));
        }
    }
}
