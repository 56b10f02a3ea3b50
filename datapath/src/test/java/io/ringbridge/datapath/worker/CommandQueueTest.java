package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.os.EventFd;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The thread on which commands run, and the recovery from faults. */
@Timeout(30)
class CommandQueueTest {
    private final AtomicInteger recovered = new AtomicInteger();
    private final EventFd alarm = EventFd.create();
    private final CommandQueue commands = new CommandQueue(alarm, _ -> recovered.incrementAndGet());
    private volatile boolean ending;
    private Thread worker;
    private Freeze freeze;

    private void start() {
        commands.begin();
        worker = Thread.ofPlatform().daemon().start(() -> {
            while (!ending) {
                if (!commands.runNext()) {
                    Thread.onSpinWait();
                }
            }
        });
    }

    @AfterEach
    void end() throws InterruptedException {
        ending = true;
        if (worker != null) {
            worker.join();
        }
        commands.end();
        alarm.close();
    }

    private void freeze() {
        final Freeze newFreeze = new Freeze(1);
        commands.submit(() -> {
            newFreeze.markPaused(0);
            newFreeze.awaitThaw();
        });
        newFreeze.awaitFrozen();
        assertTrue(newFreeze.allPaused());
        commands.standIn(Thread.currentThread());
        freeze = newFreeze;
    }

    private void unfreeze() {
        commands.standIn(null);
        freeze.thaw();
    }

    private Thread executor() {
        final AtomicReference<Thread> thread = new AtomicReference<>();
        commands.execute(() -> thread.set(Thread.currentThread()));
        return thread.get();
    }

    @Test
    void commandsRunOnTheWorkerWhileItHasAThread() throws Exception {
        assertSame(Thread.currentThread(), executor());
        start();
        assertSame(worker, executor());
        assertThrows(IllegalStateException.class, () -> commands.execute(() -> {
            throw new IllegalStateException("refused");
        }));
        end();
        worker = null;
        assertSame(Thread.currentThread(), executor());
    }

    @Test
    void theThreadThatFrozeTheWorkerRunsItsOwnCommands() throws Exception {
        start();
        for (int i = 0; i < 100; i++) {
            freeze();
            assertSame(Thread.currentThread(), executor());
            final CompletableFuture<Thread> other = CompletableFuture.supplyAsync(this::executor);
            while (commands.isEmpty()) {
                Thread.onSpinWait();
            }
            assertSame(Thread.currentThread(), executor());
            assertFalse(other.isDone());
            unfreeze();
            assertSame(worker, other.join());
            assertSame(worker, executor());
        }
    }

    private void assertRecoversFromAFault() {
        final AtomicInteger runs = new AtomicInteger();
        commands.execute(() -> {
            if (runs.incrementAndGet() < 4) {
                throw new InternalError("a fault occurred in an unsafe memory access operation");
            }
        });
        assertEquals(4, runs.get());
        assertEquals(3, recovered.get());
        assertThrows(IllegalStateException.class, () -> commands.execute(() -> {
            throw new InternalError("a fault that recurs");
        }));
    }

    @Test
    void aFaultIsRecoveredBeforeTheWorkerStarts() {
        assertRecoversFromAFault();
    }

    @Test
    void aFaultOnTheStandInIsRecovered() throws Exception {
        start();
        freeze();
        assertRecoversFromAFault();
        unfreeze();
        assertTrue(commands.isEmpty());
        assertSame(worker, executor());
    }
}
