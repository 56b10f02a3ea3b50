package io.ringbridge.app;

import io.ringbridge.config.Config;
import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.HandOverSections;
import io.ringbridge.control.handover.StateSocket;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.handover.Step;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.Listener;
import io.ringbridge.control.transport.Packet;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.UnaryOperator;

/** Hands a switch over to another one in this process. */
final class LocalUpgrade {
    /** The kernel's limit for a message. */
    private static final int MOST_DESCRIPTORS = 253;

    private LocalUpgrade() {
    }

    /** The new process's side of the hand-over. */
    @FunctionalInterface
    interface Taker<T> {
        T take(StateSocket from);
    }

    /** Hands the switch over to the taker, and returns the taker's result. */
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

    /** Hands the switch over to one with this configuration, and closes the old one. */
    static Switch run(final Path dir, final Switch before, final Config config) throws IOException {
        final Switch after = handOver(dir, before, from -> TakeOver.run(config, from, null));
        before.close();
        return after;
    }

    /**
     * Hands the switch over to one with this configuration, and closes the old one. The event happens when the new
     * switch has taken everything, before it receives GO.
     */
    static Switch run(final Path dir, final Switch before, final Config config, final Runnable event)
        throws IOException {
        return run(dir, before, config, message -> {
            if (message.kind() == Step.GO.number()) {
                event.run();
            }
            return message;
        });
    }

    /** Hands the switch over as above. Each message, in either direction, is edited on its way. */
    static Switch run(final Path dir, final Switch before, final Config config,
                      final UnaryOperator<HandOverMessage> edit) throws IOException {
        final Path path = dir.resolve("r");
        try (Listener listener = Listener.open(path, 0600);
             StateSocket from = new StateSocket(Connection.connect(path));
             Connection taker = listener.accept();
             Connection giver = Connection.connect(path);
             StateSocket to = new StateSocket(listener.accept())) {
            final Executor threads = task -> Thread.ofPlatform().daemon().name("test-taker").start(task);
            final CompletableFuture<Switch> taking =
                CompletableFuture.supplyAsync(() -> TakeOver.run(config, from, null), threads);
            final CompletableFuture<Void> there = CompletableFuture.runAsync(() -> relay(giver, taker, edit), threads);
            final CompletableFuture<Void> back = CompletableFuture.runAsync(() -> relay(taker, giver, edit), threads);
            try {
                before.handOver(to);
                before.close();
                return taking.join();
            } finally {
                giver.shutdown();
                taker.shutdown();
                CompletableFuture.allOf(there, back).join();
                taking.handle((_, _) -> null).join();
            }
        }
    }

    /** Relays messages from one process to the other, until a connection ends. Then ends the other one. */
    private static void relay(final Connection from, final Connection to, final UnaryOperator<HandOverMessage> edit) {
        try {
            from.allowDescriptors(MOST_DESCRIPTORS);
            Packet packet = from.receive(() -> { });
            while (packet != null) {
                try (Packet received = packet; HandOverMessage message = edit.apply(HandOverMessage.of(received))) {
                    message.send(to);
                }
                packet = from.receive(() -> { });
            }
        } catch (IOException | UncheckedIOException _) {
            // The receiver has ended.
        } finally {
            to.shutdown();
        }
    }

    /** Sends the first record of a new process. */
    static void sendReady(final StateSocket from) {
        from.send(Step.READY, new StateWriter().section(HandOverSections.PROCESS, out -> out.wide(1)));
    }

    /** Acts as a new process that receives the whole state, and exits instead of sending TAKEN. */
    static Void leaveAfterPositions(final StateSocket from, final int ports) {
        sendReady(from);
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
