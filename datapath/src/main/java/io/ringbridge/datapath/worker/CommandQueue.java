package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.EventFd;
import org.agrona.concurrent.ManyToOneConcurrentArrayQueue;

import java.util.function.Consumer;

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
    private final Consumer<InternalError> recover;
    private volatile boolean running;
    /** Who has halted the worker; null while it goes on. */
    private volatile Thread standIn;

    /**
     * Makes one.
     *
     * @param recover gives up the port whose memory a fault was in, see {@link Command#run}
     */
    CommandQueue(final Consumer<InternalError> recover) {
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
        if (queue.isEmpty()) {
            return false;
        }
        Memory.surfaceFault(); // not between taking a command and carrying it out: nobody would complete it
        final Command command = queue.poll();
        if (command == null) {
            return false;
        }
        command.run(recover);
        return true;
    }

    /** Has commands carried out by whoever gives them from now on, and carries out those that wait. Once. */
    void end() {
        running = false;
        drain();
    }

    /** Closes what wakes the worker; its thread has ended. */
    void close() {
        wake.close();
    }

    private synchronized void drain() {
        while (runNext()) {
            Thread.onSpinWait();
        }
    }

    /** Carries out a command, and returns when it is done. What it throws is thrown here; a fault in a guest's memory is dealt with. */
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

    /** Has a command carried out, and does not wait for it. */
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
            wake.signal();
        } else {
            drain(); // the worker has ended in the meantime, and may not have seen the command
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
