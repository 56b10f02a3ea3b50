package io.ringbridge.datapath;

import io.ringbridge.datapath.bridge.ForwardingTable;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.os.ThreadTuning;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.Mirror;
import io.ringbridge.datapath.port.Mirrors;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.PortCapture;
import io.ringbridge.datapath.port.PortList;
import io.ringbridge.datapath.port.PortVlan;
import io.ringbridge.datapath.port.Stations;
import io.ringbridge.datapath.port.UplinkPort;
import io.ringbridge.datapath.worker.PollMode;
import io.ringbridge.datapath.worker.WorkerCounters;
import io.ringbridge.datapath.worker.WorkerListener;
import io.ringbridge.datapath.worker.WorkerStatus;
import io.ringbridge.datapath.worker.Workers;
import org.agrona.ErrorHandler;
import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/** The whole datapath: workers, ports and forwarding table. Any thread may call in. */
public final class Datapath implements AutoCloseable {
    /** The most ports at a time. */
    public static final int MAX_PORTS = PortList.MAX_PORTS;
    /** The most queue pairs of a port. */
    public static final int MAX_QUEUE_PAIRS = 128;

    private static final long BALANCE_MILLIS = 250;

    private final DatapathOptions options;
    private final PortList ports = new PortList();
    private final ForwardingTable table;
    private final Workers workers;
    private final LongSupplier nanoClock;
    private final ScheduledExecutorService housekeeping = Executors.newSingleThreadScheduledExecutor(
        task -> Thread.ofPlatform().daemon().name("rb-housekeeping").unstarted(task));
    private final List<Future<?>> chores = new ArrayList<>();

    private Datapath(final DatapathOptions options, final LongSupplier nanoClock) {
        this.options = options;
        this.nanoClock = nanoClock;
        table = new ForwardingTable(options.fdbCapacity(), (int) options.fdbAgeing().toSeconds(), MAX_PORTS);
        workers = new Workers(options.workers(), options.cpus(), table, ports, options.latencySample(),
            nanoClock);
    }

    /**
     * Creates the workers and starts their threads.
     *
     * @param onError receives every error of a worker
     * @throws OsException if a worker cannot be pinned
     */
    public static Datapath start(final DatapathOptions options, final ErrorHandler onError) {
        final Datapath datapath = prepare(options);
        datapath.run(listener(onError));
        return datapath;
    }

    /** Returns a listener that passes every error of a worker to a handler. */
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
     * Creates the workers without their threads. Until {@link #run} no frame moves, and only one thread may command
     * ports. Commands run at once, on that thread.
     *
     * @throws OsException if a processor that a worker is to be pinned to is not available
     */
    public static Datapath prepare(final DatapathOptions options) {
        options.cpus().forEach(ThreadTuning::check);
        return new Datapath(options, System::nanoTime);
    }

    /** Starts the threads of workers that were {@linkplain #prepare prepared}. Called once. */
    public void run(final WorkerListener listener) {
        workers.start(options.poll(), listener);
        final long period = Math.clamp(options.fdbAgeing().toMillis() / 4, 1000, 30_000);
        repeat(() -> table.sweep(now()), period);
        // Balance periodically, and not whenever a port comes or goes. A front-end that reconnects all the time does
        // not wait for it then, and seldom delays other ports.
        repeat(() -> balance(listener), BALANCE_MILLIS);
    }

    private void repeat(final Runnable chore, final long millis) {
        chores.add(housekeeping.scheduleWithFixedDelay(chore, millis, millis, TimeUnit.MILLISECONDS));
    }

    private void balance(final WorkerListener listener) {
        try {
            balance();
        } catch (final RuntimeException e) {
            listener.failed("rb-housekeeping", e);
        }
    }

    /**
     * Creates a datapath without threads, for tests: {@link #step} runs a duty cycle, and commands run at once on the
     * caller's thread.
     */
    static Datapath stepped(final DatapathOptions options, final LongSupplier nanoClock) {
        return new Datapath(options, nanoClock);
    }

    /**
     * Runs a duty cycle of each worker.
     *
     * @return the sum of their work
     */
    int step() {
        return workers.step();
    }

    private int now() {
        return workers.now();
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

    /**
     * Adds a port that waits for a front-end, in VLANs.
     *
     * @param queuePairs 1 to {@link #MAX_QUEUE_PAIRS}
     * @param mtu 68 to 65535
     * @param vlan the port's VLANs, or null for a port without VLANs
     */
    public synchronized GuestPort addGuestPort(final String name, final int queuePairs, final int mtu,
                                               final @Nullable PortVlan vlan) {
        final int index = freeIndex();
        final GuestPort port = new GuestPort(index, name, queuePairs, mtu, vlan,
            pairs -> workers.place(index, pairs), stations(index));
        put(port);
        return port;
    }

    /**
     * Adds a port that waits for a tap or a capture.
     *
     * @param queues 1 to {@link #MAX_QUEUE_PAIRS}
     * @param mtu 68 to 65535
     */
    public UplinkPort addUplinkPort(final String name, final int queues, final int mtu) {
        return addUplinkPort(name, queues, mtu, null);
    }

    /**
     * Adds a port that waits for a tap or a capture, in VLANs.
     *
     * @param queues 1 to {@link #MAX_QUEUE_PAIRS}
     * @param mtu 68 to 65535
     * @param vlan the port's VLANs, or null for a port without VLANs
     */
    public synchronized UplinkPort addUplinkPort(final String name, final int queues, final int mtu,
                                                 final @Nullable PortVlan vlan) {
        final int index = freeIndex();
        final UplinkPort port = new UplinkPort(index, name, queues, mtu, vlan, workers.place(index, queues),
            stations(index));
        put(port);
        return port;
    }

    private void put(final Port port) {
        if (options.recordedFrames() > 0) {
            port.traceFrames(options.recordedFrames());
        }
        ports.put(port.index(), port);
    }

    private int freeIndex() {
        final int index = ports.freeIndex();
        if (index >= MAX_PORTS) {
            throw new IllegalStateException("there are already " + MAX_PORTS + " ports, the maximum");
        }
        return index;
    }

    private Stations stations(final int port) {
        return new PortStations(port, ports, workers, table, nanoClock);
    }

    /**
     * Changes the VLANs of a port while the datapath runs. All workers are frozen meanwhile, so each frame is handled
     * in the old VLANs or in the new ones, and none is lost. Stations in VLANs that the port leaves are forgotten,
     * static ones included.
     *
     * @param vlan the new VLANs, or null for a port without VLANs
     * @return the number of stations forgotten
     */
    public int changeVlan(final Port port, final @Nullable PortVlan vlan) {
        final int[] forgotten = new int[1];
        workers.whileFrozen(() -> {
            port.vlan(vlan);
            forgotten[0] = table.flush(port.index(), id -> !port.carries(id));
        });
        return forgotten[0];
    }

    /** Changes the behaviour of idle workers while the datapath runs. */
    public void poll(final PollMode poll) {
        workers.poll(poll);
    }

    /**
     * Changes the processors to which the workers are pinned while the datapath runs.
     *
     * @param cpus one per worker, in order; empty for no pinning
     * @throws OsException if a processor is not available; no worker has moved then
     */
    public void pin(final List<Integer> cpus) {
        cpus.forEach(ThreadTuning::check);
        workers.pin(cpus);
    }

    /**
     * Changes the number of workers while the datapath runs. No frame of any port is lost or reordered: all workers are
     * frozen while other ones take over their queues. If this fails, the workers stay as they are.
     *
     * @param count the number of workers, 1 to 64
     * @param cpus the processors to which they are pinned, in order; one per worker, or empty for no pinning
     * @throws OsException if a processor is not available, or if the system refuses the descriptors, the threads or the
     *     memory of the new workers
     */
    public synchronized void replaceWorkers(final int count, final List<Integer> cpus) {
        cpus.forEach(ThreadTuning::check);
        ports.asList().forEach(port -> port.captureWith(count));
        for (final Mirror mirror : ports.mirrors().all()) {
            mirror.serveWith(count);
        }
        workers.replace(count, cpus);
    }

    /** Moves queues between workers until their numbers of running queues differ by at most one. */
    void balance() {
        workers.balance();
    }

    /**
     * Runs an action while all worker threads are frozen and no frame is in flight, so that ports suspended or resumed
     * together drop none of each other's frames. Commands of the calling thread run on it directly; those of other
     * threads wait. The datapath must be running.
     */
    public void whileFrozen(final Runnable action) {
        workers.whileFrozen(action);
    }

    /**
     * Pauses all queues until {@link #resumeAll}. Frames wait in the guests' transmit queues and in the devices of
     * uplinks. Returns when every frame that was taken before is delivered or dropped, and its buffer returned. Ports
     * may be started, stopped and removed meanwhile.
     */
    public void pauseAll() {
        workers.withhold(true);
    }

    /** Resumes all queues after {@link #pauseAll}. */
    public void resumeAll() {
        workers.withhold(false);
    }

    /**
     * Ends forwarding for good: workers only run commands. Called within {@link #whileFrozen}, with all ports
     * suspended.
     */
    public void stopForwarding() {
        workers.retire();
    }

    /**
     * Begins a capture of the frames at a port.
     *
     * @param in whether to capture the frames that enter by the port
     * @param out whether to capture the frames that leave by the port
     * @param snapLength the bytes of each frame to copy, 1 to {@link PortCapture#MAX_SNAP_LENGTH}
     */
    public synchronized PortCapture capture(final Port port, final boolean in, final boolean out,
                                            final int snapLength) {
        final PortCapture capture = new PortCapture(port, in, out, snapLength, workers.count());
        port.addCapture(capture);
        return capture;
    }

    /** Ends a capture. Its reader must have finished. */
    public synchronized void end(final PortCapture capture) {
        capture.port().removeCapture(capture);
        workers.passBurst();
        capture.free();
    }

    /**
     * Begins a mirror of a port. Its destination is reserved: it takes no part in the bridge until its last mirror
     * ends. The workers are frozen meanwhile, so no frame is lost.
     *
     * @param in whether to copy the frames that enter by the port
     * @param out whether to copy the frames that the bridge sends to the port
     * @param to the destination, another port that is not itself mirrored
     */
    public synchronized Mirror mirror(final String name, final Port from, final boolean in, final boolean out,
                                      final Port to) {
        return begin(Mirror.ofPort(name, from, in, out, to, workers.count()));
    }

    /**
     * Begins a mirror of a VLAN, as {@link #mirror} does.
     *
     * @param vlan {@link PortVlan#MIN} to {@link PortVlan#MAX}
     */
    public synchronized Mirror mirrorVlan(final String name, final int vlan, final Port to) {
        return begin(Mirror.ofVlan(name, vlan, to, workers.count()));
    }

    private Mirror begin(final Mirror mirror) {
        if (ports.mirrors().all().length == Mirrors.MAX) {
            throw new IllegalStateException("there are already " + Mirrors.MAX + " mirrors, the maximum");
        }
        workers.whileFrozen(() -> {
            if (!mirror.to().isReserved()) {
                mirror.to().reserve();
            }
            ports.mirrors().add(mirror);
        });
        return mirror;
    }

    /** Returns the mirrors in the order in which they began. */
    public List<Mirror> mirrors() {
        return List.of(ports.mirrors().all());
    }

    /** Ends a mirror. Its destination takes part in the bridge again, unless another mirror has the same. */
    public synchronized void end(final Mirror mirror) {
        workers.whileFrozen(() -> {
            ports.mirrors().remove(mirror);
            if (!ports.mirrors().isDestination(mirror.to())) {
                mirror.to().unreserve();
            }
        });
    }

    /** Returns the port with an index, or null. */
    public @Nullable Port port(final int index) {
        return ports.port(index);
    }

    /** Detaches and removes a port. */
    public synchronized void remove(final Port port) {
        port.detach();
        ports.put(port.index(), null);
        table.flush(port.index(), true);
        table.changed();
        workers.forget(port.index()); // the next port with this index may be in other VLANs
        workers.passBurst(); // a frame that one worker had passed to another for this port is dropped now
        port.forgetFrames();
    }

    public List<Port> ports() {
        return List.copyOf(ports.asList());
    }

    public ForwardingTable table() {
        return table;
    }

    /** Returns a copy of all stations, in no particular order. */
    public List<ForwardingTable.Entry> stations() {
        return table.entries(now());
    }

    /**
     * Passes stations to a visitor, as {@link ForwardingTable#visit} does, and the static ones of ports that are
     * reserved for mirrors.
     */
    public void visitStations(final int heardWithin, final ForwardingTable.Visitor visitor) {
        table.visit(now(), heardWithin, visitor);
        for (final Port port : ports.present()) {
            for (final long key : port.setAsideStations()) {
                visitor.station(key, port.index(), ForwardingTable.STATIC_AGE);
            }
        }
    }

    /**
     * Adds a station that another process has learned, unless it is in a VLAN that its port is not in here.
     *
     * @param key the station's key in the forwarding table
     * @param port the index of its port
     * @param age seconds since its last frame, or {@link ForwardingTable#STATIC_AGE}
     */
    public void importStation(final long key, final int port, final int age) {
        final Port there = ports.port(port);
        assert there != null : "a station is added after its port";
        if (!there.carries(ForwardingTable.vlan(key))) {
            return;
        }
        if (age == ForwardingTable.STATIC_AGE) {
            table.addStatic(key, port);
        } else {
            table.learn(key, port, now() - age);
        }
    }

    /** Returns the counters of each worker. Resets nothing. */
    public List<WorkerCounters> workerCounters() {
        return workers.counters();
    }

    /** Returns whether the thread of each worker runs. */
    public boolean isRunning() {
        return workers.areRunning();
    }

    /** Returns a reading of each worker. */
    public List<WorkerStatus> workers() {
        return workers.status();
    }

    /** Ends the workers' threads. Every port must be detached before. */
    @Override
    public void close() {
        chores.forEach(chore -> chore.cancel(false));
        housekeeping.shutdown();
        workers.close();
    }
}
