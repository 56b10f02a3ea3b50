package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.bridge.Bridge;
import io.ringbridge.datapath.bridge.ForwardingTable;
import io.ringbridge.datapath.bridge.VlanBridge;
import io.ringbridge.datapath.forward.Delivery;
import io.ringbridge.datapath.forward.Effort;
import io.ringbridge.datapath.forward.FrameRecorder;
import io.ringbridge.datapath.forward.Inbox;
import io.ringbridge.datapath.forward.Ingress;
import io.ringbridge.datapath.forward.LatencySampler;
import io.ringbridge.datapath.forward.Notifier;
import io.ringbridge.datapath.forward.Observation;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.Epoll;
import io.ringbridge.datapath.os.ThreadTuning;
import io.ringbridge.datapath.port.PortList;
import io.ringbridge.datapath.port.QueueOwner;
import io.ringbridge.datapath.port.TransmitQueue;
import io.ringbridge.datapath.port.UplinkQueue;
import org.jspecify.annotations.Nullable;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;

/**
 * The state and duty cycle of one datapath thread. A worker takes frames from the transmit queues it owns, and delivers
 * the frames in its frame ring to the receive queues it owns.
 *
 * <p>A duty cycle first runs a command if one is waiting. It then handles each queue: take a burst, deliver the frames
 * in the ring, return the buffers. A worker never blocks while there is work, and never waits for another worker.
 */
final class Worker implements QueueOwner {
    private static final int SECONDS_PER_MINUTE = 60;
    private static final long RETIRED_NANOS = 200_000;
    /** The number of consecutive failures after which a worker's thread ends. */
    static final int MAX_FAILURES = 1000;

    private final int index;
    private final LongSupplier nanoClock;
    private final Inbox inbox;
    private final Ingress ingress;
    private final Notifier notifier = new Notifier();
    private final FrameRecorder recorder = new FrameRecorder();
    private final Effort effort;
    private final Delivery delivery;
    private WorkerLoad load = new WorkerLoad();
    private final CommandQueue commands;
    private final Recovery recovery;
    private final Epoll epoll;
    private final OwnedQueues queues;
    private final Sleep sleep;
    private final long startNanos;
    /** The frames that former workers with this number have delivered. */
    private long deliveredBefore;
    private int unexplainedFaults;
    private long secondStart;
    private long lastWork;
    private int now;
    private boolean paused;
    private boolean retired;
    /** The freeze that this worker joins once it is drained, or null. */
    private @Nullable Freeze freeze;
    private final CountDownLatch started = new CountDownLatch(1);
    private volatile boolean ending;
    /** Silent until the worker's thread starts, because there is no listener before. */
    private WorkerListener listener = WorkerListener.SILENT;

    /**
     * Creates a worker that has no thread yet.
     *
     * @param inboxes the inboxes of all workers, this one included
     * @param epoll holds the alarm of the worker's inbox; the worker closes both
     * @param effort the worker's account
     */
    Worker(final int index, final Inbox[] inboxes, final Epoll epoll, final Effort effort,
           final WorkerContext context) {
        this.index = index;
        this.epoll = epoll;
        this.effort = effort;
        final ForwardingTable table = context.table();
        final PortList ports = context.ports();
        nanoClock = context.nanoClock();
        inbox = inboxes[index];
        queues = new OwnedQueues(epoll, inboxes.length);
        commands = new CommandQueue(inbox.alarm(), this::recover);
        delivery = new Delivery(index, commands, inbox, ports, notifier, effort, nanoClock, recorder);
        ingress = new Ingress(index, commands, inboxes, new Bridge(table, ports), new VlanBridge(table, ports),
            notifier, effort, new Observation(recorder, new LatencySampler(context.latencySample(), nanoClock),
                ports.mirrors()));
        recovery = new Recovery(this, ports, queues, ingress, delivery, notifier);
        sleep = new Sleep(inbox, queues, epoll, this::hasWork, nanoClock);
        startNanos = context.startNanos();
        now = context.now();
        secondStart = startNanos + now * WorkerContext.NANOS_PER_SECOND;
    }

    /**
     * Continues from workers that this one and its neighbours replace. Called while none of them runs.
     *
     * @param former the worker that had this number, or null
     * @param round the number of the first round
     */
    void continueFrom(final @Nullable Worker former, final long round) {
        effort.continueAt(round);
        if (former != null) {
            load = former.load;
            former.load = new WorkerLoad(); // for the last cycles of its thread
            deliveredBefore = former.delivered();
        }
    }

    /** Returns the number of the worker's round of work. Any thread may call. */
    long round() {
        return effort.round();
    }

    WorkerLoad load() {
        return load;
    }

    /** Returns the number of frames delivered under this worker's number. Any thread may call. */
    long delivered() {
        return deliveredBefore + delivery.delivered();
    }

    /** Returns the number of running transmit queues and of uplink queues that the worker polls. For any thread. */
    int queueCount() {
        return queues.count();
    }

    @Override
    public int index() {
        return index;
    }

    @Override
    public long cycleStart() {
        return load.cycleStart();
    }

    /** Returns the name of the worker's thread. */
    String roleName() {
        return "rb-worker-" + index;
    }

    /** Prepares for the first duty cycle. Called on the worker's thread. */
    void onStart(final WorkerListener events) {
        listener = events;
        ThreadTuning.preciseTimers();
        commands.begin();
        started.countDown();
    }

    /** Waits until the worker's thread runs. */
    void awaitStart() {
        while (started.getCount() > 0) {
            LockSupport.parkNanos(10_000);
        }
    }

    /**
     * Runs a duty cycle.
     *
     * @return the amount of work found, or 0 if there was none
     */
    int doWork() {
        assert isCaller() : "this worker has a thread of its own";
        int work = 0;
        final long start = nanoClock.getAsLong();
        final long stall = load.beginCycle(start);
        if (stall > 0) {
            queues.recordStall(start - stall, stall);
        }
        recorder.beginCycle(start);
        if (start - secondStart >= WorkerContext.NANOS_PER_SECOND) {
            nextSecond(start);
        }
        try {
            work += commands.runNext() ? 1 : 0;
            work += moveFrames();
            notifier.endCycle(work > 0);
            unexplainedFaults = 0;
        } catch (final InternalError e) {
            recover(e);
            work++;
        }
        if (work > 0) {
            lastWork = start;
        }
        load.endCycle(work > 0);
        return work;
    }

    private void nextSecond(final long nanos) {
        final int before = now;
        now = (int) ((nanos - startNanos) / WorkerContext.NANOS_PER_SECOND);
        if (now / SECONDS_PER_MINUTE != before / SECONDS_PER_MINUTE) {
            load.beginMinute();
        }
        secondStart = startNanos + now * WorkerContext.NANOS_PER_SECOND;
    }

    /** Returns the time between the start of the last duty cycle with work and the start of this one. */
    long idleNanos() {
        return load.cycleStart() - lastWork;
    }

    private int moveFrames() {
        if (paused) {
            standIfDrained();
            return drain();
        }
        final int work = moveBursts();
        if (!effort.endRound(work > 0)) {
            return work;
        }
        final int more = moveBursts(); // of queues over their share, since no other queue has frames
        effort.endRound(true);
        return Math.max(1, more); // waiting for another worker counts as work
    }

    /** Moves one burst of each queue that is not over its share. */
    private int moveBursts() {
        int work = 0;
        final TransmitQueue[] polled = queues.transmit();
        for (int i = 0; i < polled.length; i++) {
            final TransmitQueue queue = polled[i];
            queues.serve(i);
            final int taken = ingress.poll(queue, now, load.cycleStart());
            if (taken > 0) {
                load.recordPoll(taken);
            }
            work += taken + delivery.deliver();
            ingress.complete(queue);
        }
        queues.serveNone();
        final UplinkQueue[] devices = queues.uplinks();
        for (final UplinkQueue uplink : devices) {
            work += moveFrames(uplink);
        }
        return polled.length + devices.length == 0 ? delivery.deliver() : work;
    }

    private int moveFrames(final UplinkQueue uplink) {
        final int taken = ingress.poll(uplink, now, load.cycleStart());
        if (taken < 0) {
            uplink.markGone();
        } else if (taken > 0) {
            load.recordPoll(taken);
        }
        final int work = Math.max(0, taken) + delivery.deliver();
        ingress.complete(uplink);
        return work;
    }

    /** Delivers frames and returns buffers without taking more. */
    private int drain() {
        if (retired) {
            LockSupport.parkNanos(RETIRED_NANOS);
        }
        final int work = delivery.deliver();
        for (final TransmitQueue queue : queues.transmit()) {
            ingress.complete(queue);
        }
        for (final UplinkQueue uplink : queues.uplinks()) {
            ingress.complete(uplink);
        }
        return work;
    }

    /** Pauses or resumes the taking of frames. Called on the worker's thread. */
    void pause(final boolean nowPaused) {
        paused = nowPaused || retired;
    }

    /** Stops taking frames, and freezes the thread as soon as no frame is in flight. Called on the worker's thread. */
    void freeze(final Freeze toJoin) {
        paused = true;
        freeze = toJoin;
        toJoin.markPaused(index);
    }

    private void standIfDrained() {
        final Freeze toJoin = freeze;
        if (toJoin != null && toJoin.allPaused() && isDrained()) {
            Memory.surfaceFault(); // no fault may be raised here while another thread runs this worker's commands
            toJoin.awaitThaw();
            freeze = null;
        }
    }

    CommandQueue commands() {
        return commands;
    }

    /** Ends forwarding for good: the worker only runs commands and yields its processor. Called while it is frozen. */
    void retire() {
        retired = true;
    }

    /**
     * Returns whether every frame in the worker's ring is delivered and every buffer that its queues took is returned.
     * Called on the worker's thread while all workers are paused.
     */
    boolean isDrained() {
        return delivery.isDone() && queues.idle();
    }

    /**
     * Announces a station on every port in the VLAN but the station's own, see {@link Delivery#announce}. Called on the
     * worker's thread.
     */
    void announce(final int port, final long address, final int vlan) {
        delivery.announce(port, address, vlan);
    }

    /** Recovers from a fault in guest memory, see {@link Recovery}. Called on the worker's thread or its stand-in's. */
    void recover(final InternalError fault) {
        final String unexplained = recovery.recover();
        if (unexplained != null) {
            if (++unexplainedFaults > MAX_FAILURES) {
                throw new WorkerFailedError(MAX_FAILURES, fault);
            }
            listener.unexplained(roleName(), fault.getMessage() + "; " + unexplained);
        }
    }

    /** Recovers from an exception in the duty cycle, see {@link Recovery}. Called on the worker's thread. */
    void recover(final RuntimeException failure) {
        recovery.recover(failure);
        listener.failed(roleName(), failure);
    }

    @Override
    public void add(final TransmitQueue queue) {
        queues.add(queue);
    }

    @Override
    public void remove(final TransmitQueue queue) {
        queues.remove(queue);
    }

    @Override
    public void add(final UplinkQueue queue) {
        queues.add(queue);
    }

    @Override
    public void remove(final UplinkQueue queue) {
        queues.remove(queue);
    }

    @Override
    public boolean isCaller() {
        return commands.isCaller();
    }

    @Override
    public void execute(final Runnable command) {
        commands.execute(command);
    }

    /** Notifies the drivers whose notifications are outstanding. Called on the worker's thread. */
    void settle() {
        notifier.settle();
    }

    /** Notifies the drivers on behalf of a worker without a thread, and recovers from faults. */
    void settleAll() {
        try {
            settle();
            Memory.surfaceFault();
        } catch (final InternalError e) {
            recover(e);
        }
    }

    /** Ends the worker's sleep for good, because its thread is about to end. Any thread may call. */
    void end() {
        ending = true;
        inbox.alarm().signal();
    }

    /** Sleeps until a driver kicks, a thread wakes the worker, or a timeout expires. Returns at once if work waits. */
    void sleep() {
        try {
            settle();
            sleep.untilWoken();
        } catch (final InternalError e) {
            recover(e); // arming kicks accesses guest memory too
        }
    }

    private boolean hasWork() {
        return ending || freeze != null || !commands.isEmpty() || !delivery.isDone();
    }

    /**
     * Runs the commands that wait, and closes the worker's descriptors. Called on the worker's thread after its last
     * duty cycle, or on any thread if the worker has none.
     */
    void onClose() {
        started.countDown();
        commands.end();
        inbox.close();
        epoll.close();
    }
}
