package io.ringbridge.control.backend;

import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.DatapathOptions;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.testkit.Await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** A datapath with one port, and its back-end. */
public final class SwitchFixture implements AutoCloseable {
    final Path socket;
    final Datapath datapath = Datapath.start(DatapathOptions.DEFAULT, Throwable::printStackTrace);
    final GuestPort port;
    final Backend backend;

    SwitchFixture(final Path socket, final int queuePairs, final BackendOptions options) {
        this.socket = socket;
        port = datapath.addGuestPort("a", queuePairs, 1500);
        backend = Backend.open(port, options);
    }

    SwitchFixture(final Path socket) {
        this(socket, 2, BackendOptions.server(socket));
    }

    TestPeer peer() throws IOException {
        return new TestPeer(socket);
    }

    boolean started(final int vring) {
        return port.queues().get(vring).started();
    }

    boolean enabled(final int vring) {
        return port.queues().get(vring).enabled();
    }

    void awaitDetached() {
        Await.until(() -> port.state() == PortState.WAITING);
    }

    /** Returns the number of mapped memory files. */
    static long mappings() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/maps"))) {
            return lines.filter(l -> l.contains("memfd:")).count();
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        backend.close();
        datapath.close();
    }
}
