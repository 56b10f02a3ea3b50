package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.Listener;
import io.ringbridge.control.transport.TransportException;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.port.PortState;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.newsclub.net.unix.AFUNIXSocket;
import org.newsclub.net.unix.AFUNIXSocketAddress;
import org.newsclub.net.unix.FileDescriptorCast;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests the connections to a back-end, and its end. */
class BackendTest {
    @TempDir
    Path directory;

    @Test
    void closingRemovesAnUnconnectedSocket() {
        final Path socket = directory.resolve("s");
        final SwitchFixture fixture = new SwitchFixture(socket);
        assertTrue(Files.exists(socket) && fixture.backend.isAlive());
        fixture.close();
        assertFalse(Files.exists(socket) || fixture.backend.isAlive());
        fixture.backend.close();
    }

    @Test
    void closingEndsASessionInAnyState() throws Exception {
        final Path socket = directory.resolve("s");
        for (int state = 0; state < 4; state++) {
            final SwitchFixture fixture = new SwitchFixture(socket);
            try (TestPeer peer = fixture.peer(); PeerGuest guest = new PeerGuest()) {
                switch (state) {
                    case 0 -> peer.number(new Message.GetFeatures());
                    case 1 -> peer.running(Offer.virtio(1), guest, 0, 1);
                    case 2 -> peer.connection.sendBytes(new byte[] {1, 0, 0});
                    default -> {
                        // more replies than the socket takes: the session blocks on sending
                        for (int i = 0; i < 450; i++) {
                            peer.send(Request.GET_FEATURES, Header.VERSION, new byte[0]);
                        }
                    }
                }
                fixture.close();
                assertFalse(Files.exists(socket) || fixture.backend.isAlive());
                assertEquals(PortState.WAITING, fixture.port.state());
            }
        }
    }

    @Test
    void aSecondFrontEndWaitsForTheFirstToEnd() throws Exception {
        try (SwitchFixture fixture = new SwitchFixture(directory.resolve("s")); TestPeer first = fixture.peer()) {
            first.number(new Message.GetFeatures());
            try (TestPeer second = fixture.peer()) {
                second.send(new Message.GetFeatures());
                assertEquals(5, first.number(new Message.GetQueueNum()));
                first.connection.shutdown();
                assertEquals(Offer.virtio(2), second.replyTo(Request.GET_FEATURES));
            }
        }
    }

    @Test
    void aClientReconnects() throws Exception {
        final Path socket = directory.resolve("s");
        try (SwitchFixture fixture = new SwitchFixture(socket, 1, BackendOptions.client(socket))) {
            for (int round = 0; round < 2; round++) {
                try (Listener listener = Listener.open(socket, 0660)) {
                    try (Connection connection = acceptFrom(listener)) {
                        connection.send(Request.GET_FEATURES.id(), Header.VERSION, new byte[0]);
                        assertEquals(5, connection.receive(() -> { }).header().flags());
                    }
                }
                fixture.awaitDetached();
            }
            assertTrue(fixture.backend.isAlive());
        }
    }

    private static Connection acceptFrom(final Listener listener) throws IOException {
        Connection connection = listener.accept();
        while (connection == null) {
            connection = listener.accept();
        }
        return connection;
    }

    @Test
    void anInheritedSocketIsServedOnce() throws Exception {
        final Path path = directory.resolve("s");
        try (Listener listener = Listener.open(path, 0660);
             AFUNIXSocket socket = AFUNIXSocket.connectTo(AFUNIXSocketAddress.of(path))) {
            final int fd = Fd.duplicate(FileDescriptorCast.using(socket.getFileDescriptor()).as(Integer.class));
            try (SwitchFixture fixture = new SwitchFixture(path, 1, BackendOptions.descriptor(fd))) {
                try (Connection frontend = listener.accept()) {
                    frontend.send(Request.GET_FEATURES.id(), Header.VERSION, new byte[0]);
                    assertEquals(5, frontend.receive(() -> { }).header().flags());
                }
                fixture.backend.awaitEnd();
                assertFalse(fixture.backend.isAlive());
                assertEquals(PortState.WAITING, fixture.port.state());
            }
            assertEquals("", Fd.target(fd), "the descriptor is closed");
        }
    }

    @Test
    void errorsOnOpeningAreOneLine() throws Exception {
        final Path missing = directory.resolve("missing").resolve("s");
        final Path tooLong = directory.resolve("x".repeat(120));
        try (EventFd event = EventFd.create()) {
            for (final BackendOptions options : new BackendOptions[] {BackendOptions.server(missing),
                BackendOptions.server(tooLong),
                BackendOptions.client(tooLong), BackendOptions.descriptor(event.fd()),
                BackendOptions.descriptor(9999)}) {
                final TransportException e = assertThrows(TransportException.class,
                    () -> new SwitchFixture(directory, 1, options));
                assertFalse(e.getMessage().contains("\n"), e.getMessage());
            }
        }
    }
}
