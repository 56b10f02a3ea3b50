package io.ringbridge.control.transport;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** Tests the names of front-ends with the name of this process. */
@Timeout(60)
class PeerTest {
    private static final Path NAME = Path.of("/proc/self/comm");

    @Test
    void aNameCannotControlATerminal() throws IOException {
        final long self = ProcessHandle.current().pid();
        final String before = Files.readString(NAME).strip();
        try {
            Files.writeString(NAME, "\u001b[2J\nport \u00fc");
            assertEquals("process " + self + " (?[2J?port ??)", Peer.of(self).toString());
        } finally {
            Files.writeString(NAME, before);
        }
        assertEquals("process " + self + " (" + before + ")", Peer.of(self).toString());
    }

    @Test
    void aProcessOfAnotherNamespaceAndAnEndedOneHaveNoName() {
        assertEquals("an unknown process", Peer.of(0).toString());
        assertEquals("process " + Integer.MAX_VALUE, Peer.of(Integer.MAX_VALUE).toString());
    }
}
