package io.ringbridge.control.uplink;

import io.ringbridge.control.event.Events;
import io.ringbridge.control.protocol.Codec;
import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.Listener;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.DatapathOptions;
import io.ringbridge.datapath.driver.DirectGuest;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.port.UplinkPort;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.Await;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.OpenDescriptors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests that a back-end that breaks the rules costs its own port only, and that nothing of it stays open. */
@Timeout(120)
class HostileBackendTest {
    private static final long FEATURES =
        Features.of(Features.VERSION_1, Features.MRG_RXBUF, Features.PROTOCOL_FEATURES);
    private static final int REPLY = Header.VERSION | Header.REPLY;

    @TempDir
    Path directory;
    private final Datapath datapath = Datapath.start(DatapathOptions.DEFAULT, Throwable::printStackTrace);
    private final AtomicInteger sessions = new AtomicInteger();
    private final List<Integer> memory = new ArrayList<>();
    private UplinkPort port;
    private DirectGuest a;
    private DirectGuest b;
    private Listener listener;
    private volatile boolean ended;

    /** The ways in which a back-end misbehaves, and the reason that its port then has. */
    enum Misdeed {
        CLOSES("closed"), BAD_VERSION("has flags"), LONG_PAYLOAD("payload"), OTHER_REPLY("replies to"),
        FALSE_FLAGS("replies to"), SHORT_NUMBER(""), DESCRIPTORS("replies to"), NO_FEATURES("version_1"),
        UNASKED("closed the connection"), UNFINISHED("closed the connection"), GARBAGE("the device");

        private final String reason;

        Misdeed(final String reason) {
            this.reason = reason;
        }
    }

    @BeforeEach
    void start() throws IOException {
        port = datapath.addUplinkPort("out", 1, 1500);
        final long features = Features.of(Features.VERSION_1, Features.MRG_RXBUF);
        a = new DirectGuest(datapath.addGuestPort("a", 1, 1500), features, 256, 2048);
        b = new DirectGuest(datapath.addGuestPort("b", 1, 1500), features, 256, 2048);
        bystandersTalk();
        openAndClose();
    }

    /** Opens what a process opens once and never closes, so that no test takes it for a leak. */
    private void openAndClose() throws IOException {
        listener = Listener.open(socket(), 0600);
        try (Connection _ = Connection.connect(socket())) {
            accept().close();
        }
        listener.close();
    }

    @AfterEach
    void end() {
        a.close();
        b.close();
        datapath.close();
    }

    /** Exchanges frames between the two guests of the switch. Those that are flooded reach the hostile port as well. */
    private void bystandersTalk() {
        for (int i = 0; i < 50; i++) {
            final byte[] there = Frames.ethernet(2, 1, 64 + i);
            Frames.send(a.queues(), there);
            assertArrayEquals(there, Frames.next(b.queues()));
            final byte[] back = Frames.ethernet(1, 2, 64 + i);
            Frames.send(b.queues(), back);
            assertArrayEquals(back, Frames.next(a.queues()));
        }
    }

    private Path socket() {
        return directory.resolve("out");
    }

    private FrontendLink open() {
        final FrontendLink link = FrontendLink.start(port, FrontendOptions.of(socket()), new Events().of("out"));
        link.serve();
        return link;
    }

    /** Accepts one session after the other until the test ends. */
    private Thread serve(final Misdeed misdeed) {
        return Thread.ofPlatform().start(() -> {
            while (!ended) {
                try (Connection session = listener.accept()) {
                    if (session != null) {
                        sessions.incrementAndGet();
                        serve(misdeed, session);
                    }
                } catch (final IOException e) {
                    // The switch has ended the session.
                }
            }
        });
    }

    private Connection accept() throws IOException {
        Connection connection = null;
        while (connection == null) {
            connection = listener.accept();
        }
        return connection;
    }

    private void serve(final Misdeed misdeed, final Connection session) throws IOException {
        boolean continues = true;
        while (continues) {
            try (Packet packet = session.receive(() -> { }, () -> false)) {
                continues = packet != null && answer(misdeed, session, packet);
            }
        }
    }

    /** Returns false to end the session. */
    private boolean answer(final Misdeed misdeed, final Connection session, final Packet packet) throws IOException {
        final int request = packet.header().request();
        if (request == Request.GET_FEATURES.id()) {
            return answerFeatures(misdeed, session, request);
        }
        if (request == Request.GET_PROTOCOL_FEATURES.id()) {
            session.send(request, REPLY, Codec.number(0));
        }
        if (request == Request.SET_MEM_TABLE.id()) {
            memory.add(packet.descriptors().take(0));
        }
        if (request == Request.SET_VRING_ENABLE.id() && packet.payload()[0] == 1) {
            switch (misdeed) {
                case UNASKED -> session.send(request, REPLY, Codec.number(0));
                case UNFINISHED -> session.sendBytes(new byte[] {1, 0, 0});
                default -> scribble();
            }
        }
        return true;
    }

    private boolean answerFeatures(final Misdeed misdeed, final Connection session, final int request)
        throws IOException {
        final byte[] features = Codec.number(FEATURES);
        switch (misdeed) {
            case CLOSES -> {
                return false;
            }
            case BAD_VERSION -> session.send(request, Header.REPLY, features);
            case LONG_PAYLOAD -> session.sendBytes(ByteBuffer.allocate(Header.BYTES)
                .order(java.nio.ByteOrder.LITTLE_ENDIAN).putInt(request).putInt(REPLY).putInt(1 << 20).array());
            case OTHER_REPLY -> session.send(request + 1, REPLY, features);
            case FALSE_FLAGS -> session.send(request, Header.VERSION, features);
            case SHORT_NUMBER -> session.send(request, REPLY, new byte[3]);
            case DESCRIPTORS -> {
                try (EventFd event = EventFd.create()) {
                    session.send(request + 1, REPLY, features, event.fd(), event.fd(), event.fd());
                }
            }
            case NO_FEATURES -> session.send(request, REPLY, Codec.number(0));
            default -> session.send(request, REPLY, features);
        }
        return true;
    }

    /** Fills the rings with garbage, and tries to truncate the memory. */
    private void scribble() throws IOException {
        final byte[] garbage = new byte[1 << 17];
        new SplittableRandom(1).nextBytes(garbage);
        try (FileChannel file = FileChannel.open(Path.of("/proc/self/fd/" + memory.getLast()),
            StandardOpenOption.WRITE)) {
            assertThrows(IOException.class, () -> file.truncate(4096));
            file.write(ByteBuffer.wrap(garbage), 0);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aHostileBackEndCostsItsOwnPortOnly(final Misdeed misdeed) throws Exception {
        final long before = OpenDescriptors.count();
        listener = Listener.open(socket(), 0600);
        final Thread server = serve(misdeed);
        try (FrontendLink _ = open()) {
            Await.until(() -> {
                bystandersTalk();
                return port.failure() != null;
            });
            assertTrue(port.failure().startsWith("back-end " + socket() + ": ") || misdeed == Misdeed.GARBAGE,
                port.failure());
            assertTrue(port.failure().contains(misdeed.reason), port.failure());
            final int first = sessions.get();
            Await.until(() -> {
                bystandersTalk();
                return sessions.get() > first;
            });
        }
        assertEquals(PortState.WAITING, port.state());
        ended = true;
        server.join();
        listener.close();
        memory.forEach(Fd::close);
        assertEquals(before, OpenDescriptors.count());
    }

    @Test
    void aBackEndThatDoesNotAnswerDelaysNobody() throws Exception {
        final long before = OpenDescriptors.count();
        listener = Listener.open(socket(), 0600);
        try (FrontendLink link = open(); Connection _ = accept()) {
            bystandersTalk();
            link.requestPause();
            link.awaitPaused(60_000);
            link.resume();
            bystandersTalk();
        }
        listener.close();
        assertEquals(before, OpenDescriptors.count());
    }

    @Test
    void aBackEndThatDoesNotAnswerIsGivenUp() throws Exception {
        listener = Listener.open(socket(), 0600);
        try (FrontendLink _ = open(); Connection _ = accept()) {
            Await.until(() -> port.failure() != null);
            assertTrue(port.failure().contains("the back-end does not reply to GET_FEATURES"), port.failure());
        }
        listener.close();
    }

    @Test
    void aBackEndThatIsNotThereIsWaitedFor() throws Exception {
        try (FrontendLink _ = open()) {
            Await.until(() -> port.state() == PortState.FAILED);
            bystandersTalk();
            listener = Listener.open(socket(), 0600);
            accept().close();
        }
        listener.close();
    }

    /** The kernel lets a connection wait while the listener's queue is full, unless the socket has a time limit. */
    @Test
    void aListenerThatAcceptsNothingIsGivenUp() throws Exception {
        listener = Listener.open(socket(), 0600);
        final List<Connection> waiting = new ArrayList<>();
        assertThrows(IOException.class, () -> {
            while (waiting.size() < 1000) {
                waiting.add(Connection.connect(socket()));
            }
        });
        try (FrontendLink _ = open()) {
            Await.until(() -> port.failure() != null);
            bystandersTalk();
        }
        waiting.forEach(Connection::close);
        listener.close();
    }
}
