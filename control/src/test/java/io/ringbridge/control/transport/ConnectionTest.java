package io.ringbridge.control.transport;

import io.ringbridge.control.protocol.Header;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Path;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests that a cancelled wait is distinguished from the end of a connection. */
@Timeout(60)
class ConnectionTest {
    @TempDir
    private Path directory;

    @Test
    void aCancelledReceiveDoesNotEndTheConnection() throws Exception {
        final Path path = directory.resolve("s");
        try (Listener listener = Listener.open(path, 0600);
             Connection peer = Connection.connect(path);
             Connection connection = listener.accept()) {
            assertNull(connection.receive(() -> { }, () -> true));
            assertFalse(connection.isOver());
            peer.send(1, Header.VERSION, new byte[0]);
            try (Packet packet = connection.receive(() -> { }, () -> true)) {
                assertEquals(1, packet.header().request());
            }
            assertFalse(connection.isOver());
            peer.shutdown();
            assertNull(connection.receive(() -> { }, () -> true));
            assertTrue(connection.isOver());
        }
    }
}
