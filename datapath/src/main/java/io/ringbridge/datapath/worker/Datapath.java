package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.bridge.ForwardingTable;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.os.ThreadTuning;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.PortVlan;
import io.ringbridge.datapath.port.Stations;
import io.ringbridge.datapath.port.UplinkPort;
import org.agrona.ErrorHandler;
import org.agrona.concurrent.BusySpinIdleStrategy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/** The whole datapath: workers, ports and forwarding table. Any thread may call in. */
public final class Datapath implements AutoCloseable {
    /** The most ports there may be at a time. */
    public static final int MAX_PORTS = 1024;
    /** The most queue pairs a port may have. */
    public static final int MAX_QUEUE_PAIRS = 128;

    /** A worker delivers what it takes at once, so that few entries stay in its cache; with several, the others need room ahead. */
    private static final int RING_SIZE_ALONE = 128;
    private static final int RING_SIZE_SHARED = 1024;
    private static final long BALANCE_MILLIS = 250;

    private final DatapathOptions options;
    private final Worker[] workers;
    private final List<WorkerThread> threads = new ArrayList<>();
    private final PortList ports = new PortList();
    private final ForwardingTable table;
    private final Placement placement;
    private final LongSupplier nanoClock;
    private final ScheduledExecutorService housekeeping =
        Executors.newSingleThreadScheduledExecutor(task -> Thread.ofPlatform().daemon().name("rb-housekeeping").unstarted(task));
    private final List<Future<?>> chores = new ArrayList<>();

    private Datapath(final DatapathOptions options, final LongSupplier nanoClock) {
        this.options = options;
        this.nanoClock = nanoClock;
        table = new ForwardingTable(options.fdbCapacity(), (int) options.fdbAgeing().toSeconds(), MAX_PORTS);
        workers = new Worker[options.workers()];
        final int ringSize = workers.length == 1 ? RING_SIZE_ALONE : RING_SIZE_SHARED;
        for (int i = 0; i < workers.length; i++) {
            workers[i] = new Worker(i, workers, ringSize, table, ports, nanoClock);
        }
        placement = new Placement(workers);
    }

    /**
     * Makes the workers and starts their threads.
     *
     * @param onError hears what goes wrong with workers, whatever that is
     * @throws OsException when a worker cannot be pinned
     */
    public static Datapath start(final DatapathOptions options, final ErrorHandler onError) {
        final Datapath datapath = prepare(options);
        datapath.run(listener(onError));
        return datapath;
    }

    /** Passes on all that goes wrong with workers. */
    public static WorkerListener listener(final ErrorHandler onError) {
        return new WorkerListener() {
            @Override
            public void failed(final String worker, final Throwable why) {
                onError.onError(why);
            }

            @Override
            public void unexplained(final String worker, final String what) {
                onError.onError(new IllegalStateException(worker + ": " + what));
            }

            @Override
            public void ended(final String worker, final Throwable why) {
                onError.onError(why);
            }
        };
    }

    /**
     * Makes the workers without their threads. Until {@link #run} nothing moves, and one thread alone may command ports: what it
     * commands is done at once, on that thread.
     *
     * @throws OsException when a worker will not be able to be pinned
     */
    public static Datapath prepare(final DatapathOptions options) {
        options.cpus().forEach(ThreadTuning::check);
        return new Datapath(options, System::nanoTime);
    }

    /** Starts the threads of workers that were {@linkplain #prepare prepared}, once. */
    public void run(final WorkerListener listener) {
        for (final Worker worker : workers) {
            final int cpu = cpu(worker);
            threads.add(WorkerThread.start(worker,
                options.poll() == PollMode.BUSY ? BusySpinIdleStrategy.INSTANCE : new AdaptiveIdle(worker),
                () -> pin(worker, cpu, listener), listener));
            worker.awaitStart();
        }
        final long period = Math.clamp(options.fdbAgeing().toMillis() / 4, 1000, 30_000);
        repeat(() -> table.sweep(now()), period);
        if (workers.length > 1) {
            // Not when ports come and go, but now and then: a front-end that does it all the time neither waits nor holds others up often.
            repeat(() -> balance(listener), BALANCE_MILLIS);
        }
    }

    private void repeat(final Runnable chore, final long millis) {
        chores.add(housekeeping.scheduleWithFixedDelay(chore, millis, millis, TimeUnit.MILLISECONDS));
    }

    /** The processor was there when it was looked at; if it has gone since, the worker runs on any, and the listener hears of it. */
    private static void pin(final Worker worker, final int cpu, final WorkerListener listener) {
        try {
            if (cpu >= 0) {
                ThreadTuning.pin(cpu);
            }
        } catch (final OsException e) {
            listener.failed(worker.roleName(), e);
        }
    }

    private void balance(final WorkerListener listener) {
        try {
            balance();
        } catch (final RuntimeException e) {
            listener.failed("rb-housekeeping", e);
        }
    }

    /** Makes a datapath without threads, for tests: {@link #step} is a duty cycle, and commands run at once on the caller's thread. */
    static Datapath stepped(final DatapathOptions options, final LongSupplier nanoClock) {
        return new Datapath(options, nanoClock);
    }

    /** Runs a duty cycle of each worker; the sum of their work. */
    int step() {
        int work = 0;
        for (final Worker worker : workers) {
            work += worker.doWork();
            worker.settleAll();
        }
        return work;
    }

    private int cpu(final Worker worker) {
        return options.cpus().isEmpty() ? -1 : options.cpus().get(worker.index() % options.cpus().size());
    }

    private int now() {
        return workers[0].now();
    }

    /**
     * Adds a port that waits for a front-end.
     *
     * @param queuePairs 1 to {@link #MAX_QUEUE_PAIRS}
     * @param mtu 68 to 65535
     */
    public GuestPort addGuestPort(final String name, final int queuePairs, final int mtu) {
        return addGuestPort(name, queuePairs, mtu, null);
    }

    /** The same in VLANs; none where {@code vlan} is null. */
    public synchronized GuestPort addGuestPort(final String name, final int queuePairs, final int mtu, final PortVlan vlan) {
        final int index = freeIndex();
        final GuestPort port = new GuestPort(index, name, queuePairs, mtu, vlan, placement.place(index, queuePairs), workers.length,
            stations(index, vlan));
        ports.put(index, port);
        return port;
    }

    /**
     * Adds a port that waits for a tap, or a capture.
     *
     * @param queues 1 to {@link #MAX_QUEUE_PAIRS}
     * @param mtu 68 to 65535
     */
    public UplinkPort addUplinkPort(final String name, final int queues, final int mtu) {
        return addUplinkPort(name, queues, mtu, null);
    }

    /** The same in VLANs; none where {@code vlan} is null. */
    public synchronized UplinkPort addUplinkPort(final String name, final int queues, final int mtu, final PortVlan vlan) {
        final int index = freeIndex();
        final UplinkPort port = new UplinkPort(index, name, queues, mtu, vlan, placement.place(index, queues), workers.length,
            stations(index, vlan));
        ports.put(index, port);
        return port;
    }

    private int freeIndex() {
        final int index = ports.freeIndex();
        if (index >= MAX_PORTS) {
            throw new IllegalStateException("there are " + MAX_PORTS + " ports already, the most there may be");
        }
        return index;
    }

    private Stations stations(final int port, final PortVlan vlan) {
        return new PortStations(port, ports, vlan, workers, table, nanoClock);
    }

    /** Moves queues between workers until each has as many running ones as another, or one more. */
    void balance() {
        placement.balance();
    }

    /**
     * Runs something while no frame is on its way, and none is taken from any port, on a datapath that runs: so that ports which are
     * suspended or resumed together drop nothing of each other's. The workers' threads stand, and commands of this thread are carried out
     * on it; those of others wait.
     */
    public void still(final Runnable action) {
        placement.still(action);
    }

    /**
     * Keeps workers from taking frames from any port, until {@link #takeFrames}. Frames wait where they are: in the
     * guests' transmit queues, and in the devices of uplinks. Returns when every frame that was taken before is
     * delivered or dropped, and its buffer given back. Ports may be started, stopped and removed meanwhile.
     */
    public void withholdFrames() {
        placement.withhold(true);
    }

    /** Lets workers take frames after {@link #withholdFrames}. */
    public void takeFrames() {
        placement.withhold(false);
    }

    /** Lets the workers do nothing any more but carry out commands. All ports are suspended; within {@link #still}. */
    public void retire() {
        for (final Worker worker : workers) {
            worker.retire();
        }
    }

    /** Detaches and removes a port. */
    public synchronized void remove(final Port port) {
        port.detach();
        ports.put(port.index(), null);
        placement.forget(port.index());
        table.flush(port.index(), true);
        table.changed();
        for (final Worker worker : workers) {
            worker.execute(() -> { }); // a frame that found this index is on its way: the next port that has it may be in other VLANs
        }
    }

    public List<Port> ports() {
        return List.copyOf(ports.asList());
    }

    public ForwardingTable table() {
        return table;
    }

    /** A copy of all stations, in no order. */
    public List<ForwardingTable.Entry> stations() {
        return table.entries(now());
    }

    /** Shows stations as {@link ForwardingTable#visit} does. */
    public void visitStations(final int heardWithin, final ForwardingTable.Visitor visitor) {
        table.visit(now(), heardWithin, visitor);
    }

    /**
     * Knows a station from elsewhere, unless it is in a VLAN that its port is not in here.
     *
     * @param key as in the forwarding table
     * @param port the index of its port
     * @param age seconds since it was heard, or {@link ForwardingTable#STATIC_AGE}
     */
    public void know(final long key, final int port, final int age) {
        if (!ports.port(port).carries(ForwardingTable.vlan(key))) {
            return;
        }
        if (age == ForwardingTable.STATIC_AGE) {
            table.addStatic(key, port);
        } else {
            table.learn(key, port, now() - age);
        }
    }

    /** A reading of each worker. */
    public List<WorkerStatus> workers() {
        final List<WorkerStatus> rows = new ArrayList<>();
        for (final Worker worker : workers) {
            rows.add(worker.load().status(worker.index(), cpu(worker), worker.queueCount(), worker.delivered()));
        }
        return rows;
    }

    /** Stops the workers. Every port has to be detached before. */
    @Override
    public void close() {
        chores.forEach(chore -> chore.cancel(false));
        housekeeping.shutdown();
        placement.close();
        threads.forEach(WorkerThread::close);
        if (threads.isEmpty()) {
            for (final Worker worker : workers) {
                worker.onClose();
            }
        }
    }
}
