package io.ringbridge.app;

import io.ringbridge.config.Config;
import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.StateSocket;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.handover.Step;
import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.Listener;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.datapath.os.Fd;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.stream.IntStream;

/** Hands a switch to another one in this process. */
final class Upgrade {
    private Upgrade() {
    }

    /** What stands at the new process's end of the hand-over. */
    @FunctionalInterface
    interface Taker<T> {
        T take(StateSocket from);
    }

    /** Hands it to whoever takes it; what that returns. */
    static <T> T handOver(final Path dir, final Switch before, final Taker<T> taker) throws IOException {
        final Path path = dir.resolve("h");
        try (Listener listener = Listener.open(path, 0600);
             StateSocket from = new StateSocket(Connection.connect(path));
             Connection connection = listener.accept()) {
            final StateSocket to = new StateSocket(connection);
            final CompletableFuture<T> taking = CompletableFuture.supplyAsync(() -> taker.take(from),
                task -> Thread.ofPlatform().daemon().name("test-taker").start(task));
            try {
                before.handOver(to);
            } catch (final HandOverException e) {
                connection.shutdown();
                taking.handle((_, _) -> null).join();
                throw e;
            }
            return taking.join();
        }
    }

    /** Hands it to a switch with this configuration, and closes it. */
    static Switch run(final Path dir, final Switch before, final Config config) throws IOException {
        final Switch after = handOver(dir, before, from -> Switch.takeOver(config, from, null));
        before.close();
        return after;
    }

    /** The same, where something happens when the new process has everything, and is about to be told that it is its own. */
    static Switch run(final Path dir, final Switch before, final Config config, final Runnable event) throws IOException {
        final Path path = dir.resolve("r");
        try (Listener listener = Listener.open(path, 0600);
             StateSocket from = new StateSocket(Connection.connect(path));
             Connection taker = listener.accept();
             Connection giver = Connection.connect(path);
             StateSocket to = new StateSocket(listener.accept())) {
            final Executor threads = task -> Thread.ofPlatform().daemon().name("test-taker").start(task);
            final CompletableFuture<Switch> taking = CompletableFuture.supplyAsync(() -> Switch.takeOver(config, from, null), threads);
            final CompletableFuture<Void> there = CompletableFuture.runAsync(() -> passOn(giver, taker, event), threads);
            final CompletableFuture<Void> back = CompletableFuture.runAsync(() -> passOn(taker, giver, event), threads);
            try {
                before.handOver(to);
                before.close();
                return taking.join();
            } finally {
                giver.shutdown();
                taker.shutdown();
                CompletableFuture.allOf(there, back).join();
            }
        }
    }

    /** Passes on what one process says to the other, until the connection ends. */
    private static void passOn(final Connection from, final Connection to, final Runnable event) {
        try {
            Packet packet = from.receive(() -> { });
            while (packet != null) {
                if (packet.header().request() == Step.GO.ordinal()) {
                    event.run();
                }
                final int[] descriptors = IntStream.range(0, packet.descriptors().count()).map(packet.descriptors()::take).toArray();
                to.send(packet.header().request(), Header.VERSION, packet.payload(), descriptors);
                Arrays.stream(descriptors).forEach(Fd::close);
                packet.close();
                packet = from.receive(() -> { });
            }
        } catch (final IOException e) {
            to.shutdown();
        }
    }

    /** A new process that takes part until all is told, and is gone when it is to say that it has it. */
    static Void vanish(final StateSocket from, final int ports) {
        from.send(Step.READY, new StateWriter().wide(1));
        from.await(Step.SWITCH).close();
        for (int i = 0; i < ports; i++) {
            from.await(Step.PORT).close();
        }
        from.await(Step.STATIONS).close();
        from.send(Step.PREPARED);
        from.await(Step.POSITIONS).close();
        from.close();
        return null;
    }
}
