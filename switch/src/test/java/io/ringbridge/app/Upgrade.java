package io.ringbridge.app;

import io.ringbridge.config.Config;
import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.StateSocket;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.handover.Step;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.Listener;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;

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
