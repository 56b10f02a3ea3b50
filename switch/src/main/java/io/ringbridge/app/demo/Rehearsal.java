package io.ringbridge.app.demo;

import io.ringbridge.app.Logging;
import io.ringbridge.app.Switch;
import io.ringbridge.app.SwitchException;
import io.ringbridge.app.TakeOver;
import io.ringbridge.config.Config;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.frontend.Guest;
import io.ringbridge.control.handover.StateSocket;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.Listener;
import io.ringbridge.datapath.ring.Features;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;

/**
 * Rehearses an upgrade before this process takes over from another one.
 *
 * <p>Embedded guests send to each other, and their switch is handed over to a second switch, all in this process. This
 * loads and compiles the code that runs while no frame of the real guests moves, and proves that it works.
 */
public final class Rehearsal {
    private static final int LENGTH = 64;
    private static final int OWNER_ONLY = 0600;
    private static final long BEFORE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
    private static final long AFTER_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private Rehearsal() {
    }

    /**
     * Rehearses with split rings, then with packed rings.
     *
     * @throws SwitchException if the rehearsal fails
     */
    public static void run() {
        Logging.quietly(() -> {
            rehearse(Frontend.DEFAULT_FEATURES);
            rehearse(Frontend.DEFAULT_FEATURES | Features.of(Features.RING_PACKED, Features.EVENT_IDX));
        });
    }

    private static void rehearse(final long features) {
        try {
            final Path directory = Files.createTempDirectory("ringbridge-rehearsal-");
            try {
                rehearse(directory, features);
            } finally {
                Files.deleteIfExists(directory);
            }
        } catch (final IOException | ExecutionException | IllegalStateException e) {
            throw new SwitchException("the rehearsal failed: " + e.getMessage(), e);
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SwitchException("interrupted", e);
        }
    }

    private static void rehearse(final Path directory, final long features)
        throws IOException, InterruptedException, ExecutionException {
        final Config config = Config.DEFAULT.withPorts(List.of(
            ConfigReader.parsePort("rehearsal", "name=a,socket=" + directory.resolve("a")),
            ConfigReader.parsePort("rehearsal", "name=b,socket=" + directory.resolve("b"))));
        try (Switch before = Switch.start(config)) {
            before.openPorts();
            try (Guest a = Guest.attach(directory.resolve("a"), features, Demo.QUEUES);
                 Guest b = Guest.attach(directory.resolve("b"), features, Demo.QUEUES)) {
                Demo.introduce(a.queues(), b.queues());
                send(a, b, BEFORE_NANOS);
                try (Switch _ = handOver(before, config, directory.resolve("h"))) {
                    send(a, b, AFTER_NANOS);
                }
            }
        }
    }

    private static void send(final Guest from, final Guest to, final long nanos) throws InterruptedException {
        new Traffic(Demo.flow(from.queues(), to.queues(), LENGTH), () -> false).throughput(nanos, _ -> { });
    }

    private static Switch handOver(final Switch before, final Config config, final Path path)
        throws IOException, InterruptedException, ExecutionException {
        try (Listener listener = Listener.open(path, OWNER_ONLY);
             StateSocket to = new StateSocket(Connection.connect(path));
             StateSocket from = new StateSocket(accept(listener))) {
            final CompletableFuture<Void> handing = CompletableFuture.runAsync(() -> before.handOver(to),
                task -> Thread.ofPlatform().daemon().name("rb-rehearsal").start(task));
            final Switch after = TakeOver.run(config, from, null);
            handing.get();
            return after;
        }
    }

    private static Connection accept(final Listener listener) throws IOException {
        Connection accepted = listener.accept();
        while (accepted == null) {
            accepted = listener.accept();
        }
        return accepted;
    }
}
