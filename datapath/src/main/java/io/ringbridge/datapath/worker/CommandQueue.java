package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.os.EventFd;
import org.agrona.concurrent.ManyToOneConcurrentArrayQueue;

import java.util.function.BooleanSupplier;

/**
 * What other threads want done on a worker's, one command a duty cycle. Who has halted the worker has its own commands carried out in its
 * place. Before the worker's thread begins, and when it has ended, commands are carried out by whoever gives them.
 *
 * <p>{@link #begin}, {@link #runNext} and {@link #end} are the worker's; any thread may call the rest.
 */
final class CommandQueue {
    private static final int CAPACITY = 256;

    private final ManyToOneConcurrentArrayQueue<Command> queue = new ManyToOneConcurrentArrayQueue<>(CAPACITY);
    private final EventFd wake = EventFd.create();
    private final BooleanSupplier recover;
    private volatile boolean running;
    /** Who has halted the worker; null while it goes on. */
    private volatile Thread standIn;

    /**
     * Makes one.
     *
     * @param recover what the worker does about a fault in a guest's memory; false where it was another fault
     */
    CommandQueue(final BooleanSupplier recover) {
        this.recover = recover;
    }

    /** Signalled when there is a command. */
    EventFd wake() {
        return wake;
    }

    void begin() {
        running = true;
    }

    boolean isEmpty() {
        return queue.isEmpty();
    }

    /** Carries out the command that has waited longest; false where there is none. */
    boolean runNext() {
        final Command command = queue.poll();
        if (command == null) {
            return false;
        }
        command.run();
        return true;
    }

    void end() {
        running = false;
        while (runNext()) {
            Thread.onSpinWait();
        }
        wake.close();
    }

    /** Has a command carried out, and returns when it is; what it throws is thrown here, a fault in a guest's memory is dealt with. */
    void execute(final Runnable action) {
        final Command command = new Command(action);
        if (!running || Thread.currentThread().equals(standIn)) {
            runInItsPlace(command);
        } else {
            enqueue(command);
            command.await();
        }
        command.rethrow();
    }

    /** Has a command carried out, and does not wait for it. */
    void submit(final Runnable action) {
        if (running) {
            enqueue(new Command(action));
        } else {
            action.run();
        }
    }

    private void enqueue(final Command command) {
        while (!queue.offer(command)) {
            Thread.onSpinWait();
        }
        wake.signal();
    }

    private void runInItsPlace(final Command command) {
        try {
            command.run();
        } catch (final InternalError e) {
            if (!recover.getAsBoolean()) {
                throw e;
            }
        }
    }

    /**
     * Makes a thread stand in for the worker, whose own is halted: what it wants done is done on it, which costs no change of threads, and
     * leaves the processor to others. Null for the worker's thread alone, before that goes on.
     */
    void standIn(final Thread thread) {
        standIn = thread;
    }
}
