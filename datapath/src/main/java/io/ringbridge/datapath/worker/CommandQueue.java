package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.ring.Owner;
import org.agrona.concurrent.ManyToOneConcurrentArrayQueue;
import org.jspecify.annotations.Nullable;

import java.util.function.Consumer;

/**
 * Commands that other threads submit to a worker. The worker runs at most one per duty cycle, between bursts.
 *
 * <p>While a worker is frozen, the thread that froze it runs its own commands directly. Before the worker's thread has
 * started and after it has ended, every command runs on the thread that submits it.
 *
 * <p>The worker calls {@link #begin}, {@link #runNext} and {@link #end}; any thread may call the other methods.
 */
final class CommandQueue implements Owner {
    private static final int CAPACITY = 256;

    private final ManyToOneConcurrentArrayQueue<Command> queue = new ManyToOneConcurrentArrayQueue<>(CAPACITY);
    private final EventFd alarm;
    private final Consumer<InternalError> recover;
    private volatile boolean running;
    /** The worker's thread, once it has started. */
    private volatile @Nullable Thread thread;
    /** The thread that has frozen the worker, or null while the worker runs. */
    private volatile @Nullable Thread standIn;

    /**
     * Creates an empty queue.
     *
     * @param alarm is signalled when a command is submitted
     * @param recover fails the port whose memory faulted, see {@link Command#run}
     */
    CommandQueue(final EventFd alarm, final Consumer<InternalError> recover) {
        this.alarm = alarm;
        this.recover = recover;
    }

    void begin() {
        thread = Thread.currentThread();
        running = true;
    }

    @Override
    public boolean isCaller() {
        final Thread substitute = standIn;
        return !running || Thread.currentThread().equals(substitute == null ? thread : substitute);
    }

    boolean isEmpty() {
        return queue.isEmpty();
    }

    /**
     * Runs the oldest command.
     *
     * @return whether there was one
     */
    boolean runNext() {
        if (queue.isEmpty()) {
            return false;
        }
        Memory.surfaceFault(); // a fault between poll and run would lose the command, and its submitter would hang
        final Command command = queue.poll();
        if (command == null) {
            return false;
        }
        command.run(recover);
        return true;
    }

    /** Runs the commands that wait. From now on every command runs on the thread that submits it. Called once. */
    void end() {
        running = false;
        drain();
    }

    private synchronized void drain() {
        while (runNext()) {
            Thread.onSpinWait();
        }
    }

    /** Runs a command and waits until it is done. Rethrows its exception; recovers from faults in guest memory. */
    void execute(final Runnable action) {
        final Command command = new Command(action);
        if (!running || Thread.currentThread().equals(standIn)) {
            command.run(recover);
        } else {
            enqueue(command);
            command.await();
        }
        command.rethrow();
    }

    /** Submits a command without waiting for it. */
    void submit(final Runnable action) {
        final Command command = new Command(action);
        if (running) {
            enqueue(command);
        } else {
            command.run(recover);
        }
    }

    private void enqueue(final Command command) {
        while (!queue.offer(command)) {
            if (!running) {
                drain();
            }
            Thread.onSpinWait();
        }
        if (running) {
            alarm.signal();
        } else {
            drain(); // the worker has ended meanwhile, and may not have run the command
        }
    }

    /**
     * Makes a thread the stand-in for a frozen worker: commands that it submits run on it directly. This saves a
     * context switch per command and leaves the processor to others.
     *
     * @param thread the stand-in, or null before the worker resumes
     */
    void standIn(final @Nullable Thread thread) {
        standIn = thread;
    }
}
