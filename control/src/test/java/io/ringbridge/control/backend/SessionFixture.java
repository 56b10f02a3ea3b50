package io.ringbridge.control.backend;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Path;
import java.util.function.UnaryOperator;

/** The common fixture of session tests: a port with its back-end, and a guest that a {@link TestPeer} attaches. */
abstract class SessionFixture {
    @TempDir
    Path directory;
    SwitchFixture fixture;
    PeerGuest guest;
    private final int queuePairs;
    private final UnaryOperator<BackendOptions> options;

    /** Creates a port with two queue pairs and the default options. */
    SessionFixture() {
        this(2, defaults -> defaults);
    }

    /** Creates a port with options that are derived from the default ones. */
    SessionFixture(final int queuePairs, final UnaryOperator<BackendOptions> options) {
        this.queuePairs = queuePairs;
        this.options = options;
    }

    @BeforeEach
    void startSwitch() {
        final Path socket = directory.resolve("s");
        fixture = new SwitchFixture(socket, queuePairs, options.apply(BackendOptions.server(socket)));
        guest = new PeerGuest();
    }

    @AfterEach
    void stopSwitch() {
        fixture.close();
        guest.close();
    }
}
