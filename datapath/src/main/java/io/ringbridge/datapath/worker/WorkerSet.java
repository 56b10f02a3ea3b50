package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.forward.Effort;
import io.ringbridge.datapath.forward.Inbox;
import io.ringbridge.datapath.os.Epoll;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.os.ThreadTuning;
import org.agrona.concurrent.BusySpinIdleStrategy;
import org.agrona.concurrent.IdleStrategy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadFactory;

/**
 * Workers that pass frames to each other, and their threads. The number of workers of a set never changes: another set
 * replaces this one, see {@link Placement#replace}.
 *
 * <p>A set is created, started, and begun, in this order. Everything that can fail happens before {@link #begin}: until
 * then, the threads wait, and commands run on the thread that submits them. Any thread may read.
 */
final class WorkerSet implements AutoCloseable {
    /** A single worker delivers at once the frames that it takes, so a small ring suffices and stays in its cache. */
    private static final int RING_SIZE_ALONE = 128;
    /** With several workers, the others need room to run ahead. */
    private static final int RING_SIZE_SHARED = 1024;

    private final Worker[] workers;
    private final List<WorkerThread> threads = new CopyOnWriteArrayList<>();
    private final CountDownLatch beginning = new CountDownLatch(1);
    private volatile List<Integer> cpus;

    private WorkerSet(final Worker[] workers, final List<Integer> cpus) {
        this.workers = workers;
        this.cpus = cpus;
    }

    /**
     * Creates workers without threads.
     *
     * @param cpus the processors to which workers are pinned, in order; empty for no pinning
     * @throws OsException if there are too few descriptors; none is open then
     */
    static WorkerSet create(final int count, final List<Integer> cpus, final WorkerContext context) {
        final boolean alone = count == 1;
        final List<Runnable> closures = new ArrayList<>();
        final Inbox[] inboxes = new Inbox[count];
        final Epoll[] epolls = new Epoll[count];
        final Worker[] workers = new Worker[count];
        try {
            for (int i = 0; i < count; i++) {
                inboxes[i] = new Inbox(alone ? RING_SIZE_ALONE : RING_SIZE_SHARED, alone);
                closures.add(inboxes[i]::close);
                epolls[i] = Epoll.create();
                closures.add(epolls[i]::close);
                epolls[i].add(inboxes[i].alarm());
            }
            final Effort[] efforts = new Effort[count];
            Arrays.setAll(efforts, i -> new Effort(i, efforts, inboxes, context.ports()));
            Arrays.setAll(workers, i -> new Worker(i, inboxes, epolls[i], efforts[i], context));
        } catch (final RuntimeException | OutOfMemoryError e) {
            closures.forEach(Runnable::run);
            throw e;
        }
        return new WorkerSet(workers, cpus);
    }

    int count() {
        return workers.length;
    }

    /** Returns the workers by their numbers. Not to be changed. */
    Worker[] all() {
        return workers;
    }

    /**
     * Starts the workers' threads, which wait for {@link #begin}. Called once.
     *
     * @param factory creates the threads
     * @throws OsException if a thread cannot be started; {@link #close} ends the others
     */
    void start(final PollMode poll, final WorkerListener listener, final ThreadFactory factory) {
        for (final Worker worker : workers) {
            try {
                threads.add(WorkerThread.start(worker, idle(worker, poll), () -> {
                    pin(worker, listener);
                    Command.await(beginning);
                }, listener, factory));
            } catch (final OutOfMemoryError e) { // the JVM reports a thread that the system refuses in this way
                throw new OsException("cannot start the thread " + worker.roleName() + ": " + e.getMessage());
            }
        }
    }

    private static IdleStrategy idle(final Worker worker, final PollMode poll) {
        return poll == PollMode.BUSY ? BusySpinIdleStrategy.INSTANCE : new AdaptiveIdle(worker);
    }

    /** Lets the threads begin, and returns once all of them run commands. */
    void begin() {
        beginning.countDown();
        for (final Worker worker : workers) {
            worker.awaitStart();
        }
    }

    /**
     * Continues from other workers, which stand still: debts to them stay, and a worker's counters are continued by the
     * worker with its number. Called before {@link #begin}.
     */
    void continueFrom(final WorkerSet former) {
        final long round = Arrays.stream(former.workers).mapToLong(Worker::round).max().orElse(0);
        for (final Worker worker : workers) {
            worker.continueFrom(worker.index() < former.count() ? former.workers[worker.index()] : null, round);
        }
    }

    /** Changes the behaviour of idle workers. Their threads have begun. */
    void poll(final PollMode poll) {
        for (int i = 0; i < workers.length; i++) {
            final Worker worker = workers[i];
            final WorkerThread thread = threads.get(i);
            worker.execute(() -> thread.idle(idle(worker, poll)));
        }
    }

    /**
     * Moves the workers' threads, which have begun, to other processors.
     *
     * @param newCpus available processors, one per worker; empty for no pinning
     * @throws OsException if a processor has been taken offline; its worker stays where it was
     */
    void pin(final List<Integer> newCpus) {
        final BitSet all = ThreadTuning.available();
        cpus = newCpus;
        for (final Worker worker : workers) {
            final int cpu = cpu(worker);
            worker.execute(cpu >= 0 ? () -> ThreadTuning.pin(cpu) : () -> ThreadTuning.restrict(all));
        }
    }

    /** Pins the calling thread. If the processor has been taken offline meanwhile, the worker runs unpinned. */
    private void pin(final Worker worker, final WorkerListener listener) {
        try {
            final int cpu = cpu(worker);
            if (cpu >= 0) {
                ThreadTuning.pin(cpu);
            }
        } catch (final OsException e) {
            listener.failed(worker.roleName(), e);
        }
    }

    private int cpu(final Worker worker) {
        final List<Integer> now = cpus;
        return now.isEmpty() ? -1 : now.get(worker.index() % now.size());
    }

    /** Returns whether the workers have threads. */
    boolean isStarted() {
        return !threads.isEmpty();
    }

    /** Returns whether the thread of each worker runs. */
    boolean areRunning() {
        return !threads.isEmpty() && threads.stream().allMatch(WorkerThread::isRunning);
    }

    /** Returns the counters of each worker. Resets nothing. */
    List<WorkerCounters> counters() {
        return Arrays.stream(workers).map(worker -> worker.load().counters(worker.index(), worker.delivered()))
            .toList();
    }

    /** Returns a reading of each worker. */
    List<WorkerStatus> status() {
        return Arrays.stream(workers).map(worker -> worker.load().status(worker.index(), cpu(worker),
            worker.queueCount(), worker.delivered())).toList();
    }

    /** Ends the threads, begun or not, and closes the workers' descriptors. The workers own no queues. */
    @Override
    public void close() {
        threads.forEach(WorkerThread::end);
        beginning.countDown();
        threads.forEach(WorkerThread::join);
        for (int i = threads.size(); i < workers.length; i++) {
            workers[i].onClose();
        }
    }
}
