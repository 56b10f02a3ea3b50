package io.ringbridge.control.backend;

import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.DatapathOptions;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.PortState;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.BooleanSupplier;
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
        await(() -> port.state() == PortState.WAITING);
    }

    /** Waits until the condition is met, or the test's time limit interrupts the thread. */
    public static void await(final BooleanSupplier condition) {
        while (!condition.getAsBoolean()) {
            if (Thread.interrupted()) {
                throw new IllegalStateException("the test has timed out");
            }
            Thread.onSpinWait();
        }
    }

    public static long openDescriptors() {
        try (Stream<Path> list = Files.list(Path.of("/proc/self/fd"))) {
            return list.count();
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
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
