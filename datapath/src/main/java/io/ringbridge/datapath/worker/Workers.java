package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.bridge.ForwardingTable;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.port.PortList;
import io.ringbridge.datapath.port.QueueOwner;

import java.util.List;
import java.util.concurrent.ThreadFactory;
import java.util.function.LongSupplier;

/**
 * All workers, with their threads and the assignment of queues to them. Until {@link #start} the workers have no
 * threads, and commands run on the thread that submits them. Any thread may call in.
 */
public final class Workers implements AutoCloseable {
    private final WorkerContext context;
    private final ThreadFactory factory;
    private final Placement placement;
    /** This and the next field are guarded by this object's lock, and set once the workers were started. */
    private PollMode poll = PollMode.ADAPTIVE;
    private WorkerListener listener = WorkerListener.SILENT;

    /**
     * Creates workers without threads.
     *
     * @param cpus the processors to which workers are pinned, in order; empty for no pinning
     * @param latencySample the number of frames per latency sample, or 0 for none
     */
    public Workers(final int count, final List<Integer> cpus, final ForwardingTable table, final PortList ports,
                   final int latencySample, final LongSupplier nanoClock) {
        this(count, cpus, new WorkerContext(table, ports, latencySample, nanoClock, nanoClock.getAsLong()),
            Thread.ofPlatform().daemon().factory());
    }

    /** Creates workers without threads, whose threads a factory will create. */
    Workers(final int count, final List<Integer> cpus, final WorkerContext context, final ThreadFactory factory) {
        this.context = context;
        this.factory = factory;
        placement = new Placement(WorkerSet.create(count, cpus, context));
    }

    /** Starts the workers' threads. Called once. */
    public synchronized void start(final PollMode mode, final WorkerListener events) {
        poll = mode;
        listener = events;
        placement.set().start(poll, listener, factory);
        placement.set().begin();
    }

    /**
     * Replaces the workers, which have been started, by another number of workers. No frame is lost or reordered. The
     * counters of a worker are continued by the new worker with its number. If this fails, the workers stay as they
     * are.
     *
     * @param cpus available processors, one per worker; empty for no pinning
     * @throws OsException if the system refuses the descriptors, the threads or the memory of the new workers
     */
    public synchronized void replace(final int count, final List<Integer> cpus) {
        final WorkerSet former = placement.set();
        final WorkerSet others = WorkerSet.create(count, cpus, context);
        try {
            others.start(poll, listener, factory);
            placement.replace(others);
        } finally {
            (placement.set() == others ? former : others).close();
        }
    }

    /** Changes the behaviour of idle workers. Their threads have started. */
    public synchronized void poll(final PollMode mode) {
        poll = mode;
        placement.onAll(set -> set.poll(mode));
    }

    /**
     * Moves the workers' threads, which have started, to other processors.
     *
     * @param cpus available processors, one per worker; empty for no pinning
     * @throws OsException if a processor has been taken offline; its worker stays where it was
     */
    public synchronized void pin(final List<Integer> cpus) {
        placement.onAll(set -> set.pin(cpus));
    }

    /**
     * Runs a duty cycle of each worker on the calling thread. Only for workers without threads.
     *
     * @return the sum of their work
     */
    public int step() {
        int work = 0;
        for (final Worker worker : placement.set().all()) {
            work += worker.doWork();
            worker.settleAll();
        }
        return work;
    }

    public int count() {
        return placement.set().count();
    }

    /** Returns the number of seconds since the start, the clock of the stations' ages. */
    public int now() {
        return context.now();
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
        placement.onAll(set -> {
            for (final Worker worker : set.all()) {
                worker.execute(() -> { }); // runs after the burst that is in flight
            }
        });
    }

    /** Moves queues between workers until their numbers of running queues differ by at most one. */
    public void balance() {
        placement.balance();
    }

    /** Runs an action while all threads are frozen and no frame is in flight; at once if the workers have none yet. */
    public void whileFrozen(final Runnable action) {
        if (!placement.set().isStarted()) {
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
        for (final Worker worker : placement.set().all()) {
            worker.retire();
        }
    }

    /**
     * Announces a station on every port in these VLANs but the station's own.
     *
     * @param vlans the VLANs, or only 0 if the port is in none
     */
    public void announce(final int port, final long address, final int[] vlans) {
        placement.onAll(set -> {
            for (final Worker worker : set.all()) {
                worker.execute(() -> {
                    for (final int vlan : vlans) {
                        worker.announce(port, address, vlan);
                    }
                });
            }
        });
    }

    /** Returns the counters of each worker. Resets nothing. */
    public List<WorkerCounters> counters() {
        return placement.set().counters();
    }

    /** Returns whether the thread of each worker runs. */
    public boolean areRunning() {
        return placement.set().areRunning();
    }

    /** Returns a reading of each worker. */
    public List<WorkerStatus> status() {
        return placement.set().status();
    }

    /** Ends balancing and the workers' threads. Every port must be detached before. */
    @Override
    public synchronized void close() {
        placement.close();
        placement.set().close();
    }
}
