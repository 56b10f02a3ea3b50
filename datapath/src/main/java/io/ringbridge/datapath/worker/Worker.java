package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.bridge.Bridge;
import io.ringbridge.datapath.bridge.ForwardingTable;
import io.ringbridge.datapath.bridge.VlanBridge;
import io.ringbridge.datapath.forward.Effort;
import io.ringbridge.datapath.forward.Egress;
import io.ringbridge.datapath.forward.FloodEgress;
import io.ringbridge.datapath.forward.Inbox;
import io.ringbridge.datapath.forward.Ingress;
import io.ringbridge.datapath.forward.Notifier;
import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.frame.FrameRing;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.Epoll;
import io.ringbridge.datapath.os.FrameDevice;
import io.ringbridge.datapath.os.ThreadTuning;
import io.ringbridge.datapath.packet.Rarp;
import io.ringbridge.datapath.packet.VlanTag;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.PortList;
import io.ringbridge.datapath.port.QueueOwner;
import io.ringbridge.datapath.port.Sink;
import io.ringbridge.datapath.port.TransmitQueue;
import io.ringbridge.datapath.port.UplinkQueue;
import org.jspecify.annotations.Nullable;

import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * The state and duty cycle of one datapath thread. A worker takes frames from the transmit queues it owns, and delivers
 * the frames in its frame ring to the receive queues it owns.
 *
 * <p>A duty cycle first runs a command if one is waiting. It then handles each queue: take a burst, deliver the frames
 * in the ring, return the buffers. A worker never blocks while there is work, and never waits for another worker.
 */
final class Worker implements QueueOwner {
    private static final long NANOS_PER_SECOND = 1_000_000_000L;
    private static final long RETIRED_NANOS = 200_000;
    private static final int MAX_SLEEP_MILLIS = 1000;
    private static final int NONE = -1;
    /** The number of consecutive failures after which a worker's thread ends. */
    static final int MAX_FAILURES = 1000;
    /** Used until the worker's thread starts, because there is no listener before. */
    private static final WorkerListener SILENT = new WorkerListener() {
        @Override
        public void failed(final String worker, final Throwable why) {
            // no listener yet
        }

        @Override
        public void unexplained(final String worker, final String what) {
            // no listener yet
        }

        @Override
        public void ended(final String worker, final Throwable why) {
            // no listener yet
        }
    };

    private final int index;
    private final LongSupplier nanoClock;
    private final Inbox inbox;
    private final FrameRing frames;
    /** Has one entry and is never published: a worker delivers the announcements that it builds itself. */
    private final FrameRing announcements = new FrameRing(1, true);
    private final long announcement = Memory.allocate(Rarp.BYTES);
    private final Ingress ingress;
    private final Notifier notifier = new Notifier();
    private final Effort effort;
    private final Egress egress;
    private final FloodEgress floods;
    private final WorkerLoad load = new WorkerLoad();
    private final CommandQueue commands;
    private final Recovery recovery;
    private final Epoll epoll = Epoll.create();
    private final long startNanos;
    /** Copied on write by the worker's thread. Any thread may read. */
    private volatile TransmitQueue[] queues = {};
    /** Copied on write by the worker's thread. Any thread may read. */
    private volatile UplinkQueue[] uplinks = {};
    /** The sequence of the last frame that is delivered or dropped. */
    private long consumed = -1;
    /** The index of the transmit queue that is being polled, armed or completed, or {@link #NONE}. */
    private int served = NONE;
    private boolean delivering;
    private boolean announcing;
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
    private WorkerListener listener = SILENT;

    /**
     * Creates a worker that has no thread yet.
     *
     * @param inboxes the inboxes of all workers, this one included
     * @param effort the worker's account
     */
    Worker(final int index, final Inbox[] inboxes, final Effort effort, final ForwardingTable table,
           final PortList ports, final LongSupplier nanoClock) {
        this.index = index;
        this.nanoClock = nanoClock;
        this.effort = effort;
        inbox = inboxes[index];
        frames = inbox.frames();
        commands = new CommandQueue(inbox.alarm(), this::recover);
        egress = new Egress(commands, notifier, effort);
        floods = new FloodEgress(index, ports, egress);
        ingress = new Ingress(index, commands, inboxes, new Bridge(table, ports), new VlanBridge(table, ports),
            notifier, effort);
        recovery = new Recovery(this, ports, frames, ingress, egress);
        startNanos = nanoClock.getAsLong();
        secondStart = startNanos;
        epoll.add(inbox.alarm());
    }

    WorkerLoad load() {
        return load;
    }

    long delivered() {
        return egress.delivered();
    }

    /** Returns the number of running transmit queues and of uplink queues that the worker polls. For any thread. */
    int queueCount() {
        int running = uplinks.length;
        for (final TransmitQueue queue : queues) {
            running += queue.running() ? 1 : 0;
        }
        return running;
    }

    @Override
    public int index() {
        return index;
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
        load.beginCycle(start);
        if (start - secondStart >= NANOS_PER_SECOND) {
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
        now = (int) ((nanos - startNanos) / NANOS_PER_SECOND);
        secondStart = startNanos + now * NANOS_PER_SECOND;
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
        final TransmitQueue[] polled = queues;
        for (int i = 0; i < polled.length; i++) {
            final TransmitQueue queue = polled[i];
            served = i;
            final int taken = ingress.poll(queue, now, load.cycleStart());
            if (taken > 0) {
                load.recordPoll(taken);
            }
            work += taken + deliver();
            ingress.complete(queue);
        }
        served = NONE;
        final UplinkQueue[] devices = uplinks;
        for (final UplinkQueue uplink : devices) {
            work += moveFrames(uplink);
        }
        return polled.length + devices.length == 0 ? deliver() : work;
    }

    private int moveFrames(final UplinkQueue uplink) {
        final int taken = ingress.poll(uplink, now, load.cycleStart());
        if (taken < 0) {
            uplink.markGone();
        } else if (taken > 0) {
            load.recordPoll(taken);
        }
        final int work = Math.max(0, taken) + deliver();
        ingress.complete(uplink);
        return work;
    }

    /** Delivers frames and returns buffers without taking more. */
    private int drain() {
        if (retired) {
            LockSupport.parkNanos(RETIRED_NANOS);
        }
        final int work = deliver();
        for (final TransmitQueue queue : queues) {
            ingress.complete(queue);
        }
        for (final UplinkQueue uplink : uplinks) {
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
        boolean drained = frames.published() == consumed;
        for (final TransmitQueue queue : queues) {
            drained &= queue.idle();
        }
        for (final UplinkQueue uplink : uplinks) {
            drained &= uplink.idle();
        }
        return drained;
    }

    private int deliver() {
        final long last = frames.published();
        final int count = (int) (last - consumed);
        if (count == 0) {
            return 0;
        }
        delivering = true;
        if (floods.isUnderWay()) {
            floods.resume(frames);
            consumed += floods.count();
        }
        long sequence = consumed + 1;
        while (sequence <= last) {
            final Frame frame = frames.get(sequence);
            int run = 1;
            if (frame.verdict() == Frame.Verdict.UNICAST) {
                final Sink receiver = frame.receiver();
                while (sequence + run <= last && frames.get(sequence + run).isFor(receiver)) {
                    run++;
                }
                egress.deliver(frames, sequence, run, receiver);
            } else if (frame.verdict() != Frame.Verdict.DROP) {
                run = floods.runLength(frames, sequence, last);
                floods.deliver(frames, sequence, run);
            }
            sequence += run;
            consumed = sequence - 1; // a run that a fault interrupts before this resumes at the frame it had reached
        }
        egress.flush();
        frames.consumed(last);
        delivering = false;
        return count;
    }

    /** Returns the sequence of the last frame that is delivered or dropped. Called on the worker's thread. */
    long consumed() {
        return consumed;
    }

    /**
     * Announces a station on every port in the VLAN but the station's own. The worker delivers the announcement to the
     * queues that it owns. Called on the worker's thread.
     *
     * @param vlan the VLAN, or 0 if the port is in none
     */
    void announce(final int port, final long address, final int vlan) {
        Rarp.write(announcement, address);
        final Frame frame = announcements.get(0);
        frame.set(announcement, Rarp.BYTES);
        frame.floodVlan(port, 0);
        announcements.tag(0, VlanTag.none(Rarp.ETHERTYPE, vlan));
        announcing = true;
        floods.deliver(announcements, 0, 1);
        announcing = false;
        egress.flush();
    }

    /** Recovers from a fault in guest memory, see {@link Recovery}. Called on the worker's thread or its stand-in's. */
    void recover(final InternalError fault) {
        Memory.forgetFault(); // a second fault of the same cause would be raised during recovery
        final Set<GuestPort> suspects = suspects();
        final String unexplained = resumeInterrupted(() -> recovery.blame(suspects));
        if (unexplained != null) {
            if (++unexplainedFaults > MAX_FAILURES) {
                throw new WorkerFailedError(MAX_FAILURES, fault);
            }
            listener.unexplained(roleName(), fault.getMessage() + "; " + unexplained);
        }
    }

    /**
     * Recovers from an exception in the duty cycle. Drops the frame, or fails the port, that was being served, because
     * the exception would recur.
     */
    void recover(final RuntimeException failure) {
        Memory.forgetFault();
        resumeInterrupted(() -> {
            if (delivering && frames.published() > consumed) {
                frames.get(consumed + 1).drop();
                floods.cancel();
            } else if (served != NONE && served < queues.length) {
                queues[served].port().fail("the switch failed while it handled the driver's ring: " + failure);
            }
            return null;
        });
        listener.failed(roleName(), failure);
    }

    private Set<GuestPort> suspects() {
        final Set<GuestPort> suspects = new LinkedHashSet<>();
        if (served != NONE && served < queues.length) {
            suspects.add(queues[served].port());
        }
        if (delivering) {
            recovery.addSender(suspects);
            if (egress.receiver() != null) {
                suspects.add(egress.receiver().port());
            }
        }
        return suspects;
    }

    /**
     * Restores a state from which the next duty cycle resumes the interrupted work. Frames that were delivered are not
     * delivered again.
     *
     * @param sort drops the frames, and fails the ports, that are not to be served again
     * @return the result of {@code sort}
     */
    private @Nullable String resumeInterrupted(final Supplier<@Nullable String> sort) {
        final long next = egress.findUnfinished();
        if (announcing) {
            floods.cancel(); // the command runs again
        } else if (floods.isUnderWay()) {
            floods.recordProgress(next);
        } else {
            consumed = Math.max(consumed, next - 1);
        }
        notifier.forget();
        ingress.recover();
        final String what = sort.get();
        if (floods.isUnderWay() && frames.get(consumed + 1).verdict() == Frame.Verdict.DROP) {
            floods.cancel();
        }
        recovery.restoreRings();
        frames.consumed(consumed);
        announcing = false;
        delivering = false;
        served = NONE;
        return what;
    }

    @Override
    public void add(final TransmitQueue queue) {
        remove(queue); // a command that a fault interrupted may have added it
        final TransmitQueue[] more = Arrays.copyOf(queues, queues.length + 1);
        more[queues.length] = queue;
        queues = more;
        if (queue.events().kick() != null) {
            epoll.add(queue.events().kick());
        }
    }

    @Override
    public void remove(final TransmitQueue queue) {
        if (queue.events().kick() != null) {
            epoll.remove(queue.events().kick()); // first: an unpolled queue must not wake the worker
        }
        queues = Arrays.stream(queues).filter(q -> q != queue).toArray(TransmitQueue[]::new);
    }

    @Override
    public void add(final UplinkQueue queue) {
        remove(queue);
        final UplinkQueue[] more = Arrays.copyOf(uplinks, uplinks.length + 1);
        more[uplinks.length] = queue;
        uplinks = more;
        epoll.add(deviceOf(queue));
    }

    @Override
    public void remove(final UplinkQueue queue) {
        if (queue.device() != null) {
            epoll.remove(queue.device());
        }
        uplinks = Arrays.stream(uplinks).filter(q -> q != queue).toArray(UplinkQueue[]::new);
    }

    private static FrameDevice deviceOf(final UplinkQueue queue) {
        final FrameDevice device = queue.device();
        assert device != null : "a worker has only queues with a device";
        return device;
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
            sleepUntilKicked();
        } catch (final InternalError e) {
            recover(e); // arming kicks accesses guest memory too
        } finally {
            inbox.asleep(false);
        }
    }

    private void sleepUntilKicked() {
        settle();
        inbox.asleep(true);
        final long nanos = nanoClock.getAsLong();
        int millis = MAX_SLEEP_MILLIS;
        boolean busy = ending || freeze != null || !commands.isEmpty() || frames.published() > consumed;
        final TransmitQueue[] armed = queues;
        for (int i = 0; i < armed.length; i++) {
            final TransmitQueue queue = armed[i];
            served = i;
            busy |= !queue.idle() || queue.ring() != null && !queue.ring().isWaiting() && queue.ring().armKicks();
            millis = queue.sleepMillis(nanos, millis);
        }
        Memory.surfaceFault(); // rather than after the sleep
        served = NONE;
        for (final UplinkQueue uplink : uplinks) {
            busy |= !uplink.idle() || uplink.ready() && (uplink.hasReady() || deviceOf(uplink).arm());
            if (uplink.port().failure() != null) {
                epoll.remove(deviceOf(uplink)); // a failed device stays ready and would end every sleep
            }
        }
        epoll.await(busy ? 0 : millis);
        for (final TransmitQueue queue : queues) {
            if (queue.ring() != null) {
                queue.ring().suppressKicks();
            }
            if (queue.events().kick() != null && epoll.isReady(queue.events().kick())) {
                queue.port().countKicks(1);
            }
        }
        // A kick left in its eventfd would end the next sleep. If this process dies, the front-end would find the kick
        // and serve the ring itself.
        epoll.drain();
        for (final UplinkQueue uplink : uplinks) {
            deviceOf(uplink).disarm();
        }
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

    /** Returns the number of seconds since the start, the clock of the stations' ages. */
    int now() {
        return (int) ((nanoClock.getAsLong() - startNanos) / NANOS_PER_SECOND);
    }
}
