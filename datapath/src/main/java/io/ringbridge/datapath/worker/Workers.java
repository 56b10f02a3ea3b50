package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.bridge.ForwardingTable;
import io.ringbridge.datapath.forward.Effort;
import io.ringbridge.datapath.forward.Inbox;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.os.ThreadTuning;
import io.ringbridge.datapath.port.PortList;
import io.ringbridge.datapath.port.QueueOwner;
import org.agrona.concurrent.BusySpinIdleStrategy;
import org.agrona.concurrent.IdleStrategy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.LongSupplier;

/**
 * All workers, with their threads and the assignment of queues to them. Until {@link #start} the workers have no
 * threads, and commands run on the thread that submits them. Any thread may call in.
 */
public final class Workers implements AutoCloseable {
    /** A single worker delivers at once the frames that it takes, so a small ring suffices and stays in its cache. */
    private static final int RING_SIZE_ALONE = 128;
    /** With several workers, the others need room to run ahead. */
    private static final int RING_SIZE_SHARED = 1024;

    private volatile List<Integer> cpus;
    private final Worker[] workers;
    private final List<WorkerThread> threads = new CopyOnWriteArrayList<>();
    private final Placement placement;

    /**
     * Creates workers without threads.
     *
     * @param cpus the processors to which workers are pinned, in order; empty for no pinning
     * @param latencySample the number of frames per latency sample, or 0 for none
     */
    public Workers(final int count, final List<Integer> cpus, final ForwardingTable table, final PortList ports,
                   final int latencySample, final LongSupplier nanoClock) {
        this.cpus = cpus;
        final boolean alone = count == 1;
        final Inbox[] inboxes = new Inbox[count];
        final Effort[] efforts = new Effort[count];
        workers = new Worker[count];
        Arrays.setAll(inboxes, i -> new Inbox(alone ? RING_SIZE_ALONE : RING_SIZE_SHARED, alone));
        Arrays.setAll(efforts, i -> new Effort(i, efforts, inboxes, ports));
        Arrays.setAll(workers, i -> new Worker(i, inboxes, efforts[i], table, ports, latencySample, nanoClock));
        placement = new Placement(workers);
    }

    /** Starts the workers' threads. Called once. */
    public void start(final PollMode poll, final WorkerListener listener) {
        for (final Worker worker : workers) {
            threads.add(WorkerThread.start(worker, idle(worker, poll), () -> pin(worker, listener), listener));
            worker.awaitStart();
        }
    }

    private static IdleStrategy idle(final Worker worker, final PollMode poll) {
        return poll == PollMode.BUSY ? BusySpinIdleStrategy.INSTANCE : new AdaptiveIdle(worker);
    }

    /** Changes the behaviour of idle workers. Their threads have started. */
    public void poll(final PollMode poll) {
        for (int i = 0; i < workers.length; i++) {
            final Worker worker = workers[i];
            final WorkerThread thread = threads.get(i);
            worker.execute(() -> thread.idle(idle(worker, poll)));
        }
    }

    /**
     * Moves the workers' threads, which have started, to other processors.
     *
     * @param newCpus available processors, one per worker; empty for no pinning
     * @throws OsException if a processor has been taken offline; its worker stays where it was
     */
    public void pin(final List<Integer> newCpus) {
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

    /**
     * Runs a duty cycle of each worker on the calling thread. Only for workers without threads.
     *
     * @return the sum of their work
     */
    public int step() {
        int work = 0;
        for (final Worker worker : workers) {
            work += worker.doWork();
            worker.settleAll();
        }
        return work;
    }

    public int count() {
        return workers.length;
    }

    /** Returns the number of seconds since the start, the clock of the stations' ages. */
    public int now() {
        return workers[0].now();
    }

    /** Assigns a port's queue pairs to workers. */
    public QueueOwner[] place(final int port, final int pairs) {
        return placement.place(port, pairs);
    }

    /** Removes the assignment of a port that is detached. Returns when no frame in flight carries its index. */
    public void forget(final int port) {
        placement.forget(port);
        passBurst();
    }

    /** Returns once every worker has ended the burst that it is in. */
    public void passBurst() {
        for (final Worker worker : workers) {
            worker.execute(() -> { }); // runs after the burst that is in flight
        }
    }

    /** Moves queues between workers until their numbers of running queues differ by at most one. */
    public void balance() {
        placement.balance();
    }

    /** Runs an action while all threads are frozen and no frame is in flight; at once if the workers have none yet. */
    public void whileFrozen(final Runnable action) {
        if (threads.isEmpty()) {
            action.run();
        } else {
            placement.whileFrozen(action);
        }
    }

    /**
     * Pauses or resumes the taking of frames. Paused workers still run commands. When pausing, returns once no frame is
     * in flight.
     */
    public void withhold(final boolean withheld) {
        placement.withhold(withheld);
    }

    /** Ends forwarding for good: workers only run commands. Called while they are frozen. */
    public void retire() {
        for (final Worker worker : workers) {
            worker.retire();
        }
    }

    /**
     * Announces a station on every port in these VLANs but the station's own.
     *
     * @param vlans the VLANs, or only 0 if the port is in none
     */
    public void announce(final int port, final long address, final int[] vlans) {
        for (final Worker worker : workers) {
            worker.execute(() -> {
                for (final int vlan : vlans) {
                    worker.announce(port, address, vlan);
                }
            });
        }
    }

    /** Returns the counters of each worker. Resets nothing. */
    public List<WorkerCounters> counters() {
        return Arrays.stream(workers).map(worker -> worker.load().counters(worker.index(), worker.delivered()))
            .toList();
    }

    /** Returns whether the thread of each worker runs. */
    public boolean areRunning() {
        return !threads.isEmpty() && threads.stream().allMatch(WorkerThread::isRunning);
    }

    /** Returns a reading of each worker. */
    public List<WorkerStatus> status() {
        final List<WorkerStatus> rows = new ArrayList<>();
        for (final Worker worker : workers) {
            rows.add(worker.load().status(worker.index(), cpu(worker), worker.queueCount(), worker.delivered()));
        }
        return rows;
    }

    /** Ends balancing and the workers' threads. Every port must be detached before. */
    @Override
    public void close() {
        placement.close();
        threads.forEach(WorkerThread::close);
        if (threads.isEmpty()) {
            for (final Worker worker : workers) {
                worker.onClose();
            }
        }
    }
}
