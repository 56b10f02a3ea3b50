package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.bridge.Bridge;
import io.ringbridge.datapath.bridge.ForwardingTable;
import io.ringbridge.datapath.bridge.Rarp;
import io.ringbridge.datapath.bridge.VlanBridge;
import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.frame.FrameRing;
import io.ringbridge.datapath.frame.VlanTag;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.Epoll;
import io.ringbridge.datapath.os.ThreadTuning;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.QueueOwner;
import io.ringbridge.datapath.port.Sink;
import io.ringbridge.datapath.port.TransmitQueue;
import io.ringbridge.datapath.port.UplinkQueue;

import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * One datapath thread: takes frames from the transmit queues it owns, and delivers what lies in its frame ring to the receive queues
 * it owns.
 *
 * <p>A duty cycle runs the commands that others have given, then for each queue: take a burst, deliver what is in the ring, give
 * buffers back. It never blocks while there is something to do, and never waits for another worker.
 */
final class Worker implements QueueOwner {
    private static final long NANOS_A_SECOND = 1_000_000_000L;
    private static final long RETIRED_NANOS = 200_000;
    private static final int MAX_SLEEP_MILLIS = 1000;
    private static final int NONE = -1;
    /** Failures in a row after which a worker is beyond hope. */
    static final int MOST_FAILURES = 1000;
    /** Until its thread has begun. */
    private static final WorkerListener SILENT = new WorkerListener() {
        @Override
        public void failed(final String worker, final Throwable why) {
            // Nobody is there to hear it.
        }

        @Override
        public void unexplained(final String worker, final String what) {
            // As above.
        }

        @Override
        public void ended(final String worker, final Throwable why) {
            // As above.
        }
    };

    private final int index;
    private final LongSupplier nanoClock;
    private final FrameRing frames;
    /** One entry, never published: what no guest has sent is delivered where it is made. */
    private final FrameRing announcements = new FrameRing(1, true);
    private final long announcement = Memory.allocate(Rarp.BYTES);
    private final Ingress ingress;
    private final Notifier notifier = new Notifier();
    private final Effort effort;
    private final Egress egress;
    private final FloodEgress floods;
    private final WorkerLoad load = new WorkerLoad();
    private final CommandQueue commands = new CommandQueue(this::recover);
    private final Recovery recovery;
    private final Epoll epoll = Epoll.create();
    private final long startNanos;
    /** Replaced, never changed; read by any thread. */
    private volatile TransmitQueue[] queues = {};
    /** As above. */
    private volatile UplinkQueue[] uplinks = {};
    /** The last frame that is done with. */
    private long consumed = -1;
    /** The transmit queue that is being polled, armed or completed; the last one of a round otherwise. */
    private int served = NONE;
    private boolean delivering;
    private boolean announcing;
    private int unexplainedFaults;
    private long secondBegan;
    private long lastWork;
    private int now;
    private boolean held;
    private boolean retired;
    /** Where it is to stand once it has nothing left, or null. */
    private Halt halt;
    private final CountDownLatch started = new CountDownLatch(1);
    private volatile boolean asleep;
    private volatile boolean ending;
    private WorkerListener listener = SILENT;

    /**
     * Makes a worker.
     *
     * @param workers all of them, itself included; filled in before the first duty cycle
     * @param ringSize entries of its frame ring
     */
    Worker(final int index, final Worker[] workers, final int ringSize, final ForwardingTable table, final PortList ports,
           final LongSupplier nanoClock) {
        this.index = index;
        this.nanoClock = nanoClock;
        effort = new Effort(index, workers, ports);
        egress = new Egress(notifier, effort);
        floods = new FloodEgress(index, ports, egress);
        frames = new FrameRing(ringSize, workers.length == 1);
        ingress = new Ingress(index, workers, frames, new Bridge(table, ports), new VlanBridge(table, ports), notifier,
            effort);
        recovery = new Recovery(this, ports, frames, ingress, egress);
        startNanos = nanoClock.getAsLong();
        secondBegan = startNanos;
        epoll.add(commands.wake());
    }

    Effort effort() {
        return effort;
    }

    /** Whether it sleeps, or is about to. Any thread. */
    boolean isAsleep() {
        return asleep;
    }

    FrameRing frames() {
        return frames;
    }

    WorkerLoad load() {
        return load;
    }

    long delivered() {
        return egress.delivered();
    }

    /** How many transmit queues it polls that run, and uplinks. Any thread. */
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

    /** The name of its thread. */
    String roleName() {
        return "rb-worker-" + index;
    }

    /** Begins. On its thread, before the first duty cycle. */
    void onStart(final WorkerListener events) {
        listener = events;
        ThreadTuning.preciseTimers();
        commands.begin();
        started.countDown();
    }

    /** Returns once its thread runs. */
    void awaitStart() {
        while (started.getCount() > 0) {
            LockSupport.parkNanos(10_000);
        }
    }

    /** Runs a duty cycle. @return how much it has found to do */
    int doWork() {
        int work = 0;
        final long begin = nanoClock.getAsLong();
        load.cycle(begin);
        if (begin - secondBegan >= NANOS_A_SECOND) {
            nextSecond(begin);
        }
        try {
            work += commands.runNext() ? 1 : 0;
            work += moveFrames();
            notifier.cycle(work > 0);
            unexplainedFaults = 0;
        } catch (final InternalError e) {
            recover(e);
            work++;
        }
        if (work > 0) {
            lastWork = begin;
        }
        load.worked(work > 0);
        return work;
    }

    private void nextSecond(final long nanos) {
        now = (int) ((nanos - startNanos) / NANOS_A_SECOND);
        secondBegan = startNanos + now * NANOS_A_SECOND;
    }

    /** How long ago, at the begin of this duty cycle, there was last something to do. */
    long idleNanos() {
        return load.lastBegin() - lastWork;
    }

    private int moveFrames() {
        if (held) {
            standWhereDrained();
            return drain();
        }
        int work = moveBursts();
        boolean leftOut = effort.endRound(work > 0);
        if (leftOut) {
            work = moveBursts(); // of queues over their share, since no other has anything
            leftOut = effort.endRound(work > 0);
        }
        return leftOut ? 1 : work; // one that waits for another worker has something to do
    }

    /** Moves a burst of each queue that is not over its share. */
    private int moveBursts() {
        int work = 0;
        final TransmitQueue[] polled = queues;
        for (int i = 0; i < polled.length; i++) {
            final TransmitQueue queue = polled[i];
            served = i;
            final int taken = ingress.poll(queue, now, load.lastBegin());
            if (taken > 0) {
                load.poll(taken);
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
        final int taken = ingress.poll(uplink, now, load.lastBegin());
        if (taken < 0) {
            uplink.gone();
        } else if (taken > 0) {
            load.poll(taken);
        }
        final int work = Math.max(0, taken) + deliver();
        ingress.complete(uplink);
        return work;
    }

    /** Delivers and gives back without taking more. */
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

    /** Takes no more frames, or does again. On its thread. */
    void hold(final boolean nowHeld) {
        held = nowHeld || retired;
    }

    /** Takes no more frames, and stands as soon as no frame is on its way. On its thread. */
    void halt(final Halt where) {
        held = true;
        halt = where;
        where.held(index);
    }

    private void standWhereDrained() {
        final Halt where = halt;
        if (where != null && where.allHeld() && drained()) {
            Memory.surfaceFault(); // none is raised while another thread acts in the place of this one
            where.stand();
            halt = null;
        }
    }

    /** What it is to do. */
    CommandQueue commands() {
        return commands;
    }

    /** Moves no frames ever again, and leaves the processor to others but for commands. While it is halted and held. */
    void retire() {
        retired = true;
    }

    /** Whether it has nothing left of what it took, or was given. On its thread, while all workers are held. */
    boolean drained() {
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
        if (floods.isHalfway()) {
            floods.proceed(frames);
            consumed += floods.count();
        }
        long sequence = consumed + 1;
        while (sequence <= last) {
            final Frame frame = frames.get(sequence);
            int run = 1;
            if (frame.verdict() == Frame.Verdict.UNICAST) {
                final Sink receiver = frame.receiver();
                while (sequence + run <= last && frames.get(sequence + run).goesTo(receiver)) {
                    run++;
                }
                egress.deliver(frames, sequence, run, receiver);
            } else if (frame.verdict() != Frame.Verdict.DROP) {
                run = floods.run(frames, sequence, last);
                floods.deliver(frames, sequence, run);
            }
            sequence += run;
            consumed = sequence - 1; // what a fault interrupts before is gone on with where it was
        }
        egress.flush();
        frames.consumed(last);
        delivering = false;
        return count;
    }

    /** The last frame that it has done with. On its thread. */
    long consumed() {
        return consumed;
    }

    /**
     * Delivers the announcement of a station to the queues it owns, of every port in the VLAN but the station's. On its thread.
     *
     * @param vlan 0 where the port is in none
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

    /** Goes on after a touch of memory that was not there, see {@link Recovery}. On its thread, or that of whoever stands in for it. */
    void recover(final InternalError fault) {
        Memory.forgetFault(); // one more of the same cause would be raised in the middle of this
        final Set<GuestPort> suspects = suspects();
        final String unexplained = takeUp(() -> recovery.blame(suspects));
        if (unexplained != null) {
            if (++unexplainedFaults > MOST_FAILURES) {
                throw new WorkerFailedError(MOST_FAILURES, fault);
            }
            listener.unexplained(roleName(), fault.getMessage() + "; " + unexplained);
        }
    }

    /** Goes on after a failure of its own. The frame, or the port, that it was about is given up, or it would fail again. */
    void recover(final RuntimeException failure) {
        Memory.forgetFault();
        takeUp(() -> {
            if (delivering && frames.published() > consumed) {
                frames.get(consumed + 1).drop();
                floods.forget();
            } else if (served != NONE && served < queues.length) {
                queues[served].port().fail("the switch failed on what its driver has in a ring: " + failure);
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
     * Takes up everything where it was interrupted. What was delivered is not delivered again, and what was not is.
     *
     * @param sort finds out what is not to be gone on with
     */
    private String takeUp(final Supplier<String> sort) {
        final long next = egress.leaveOff();
        if (announcing) {
            floods.forget(); // the command is carried out again
        } else if (floods.isHalfway()) {
            floods.leaveOff(next);
        } else {
            consumed = Math.max(consumed, next - 1);
        }
        notifier.forget();
        ingress.recover();
        final String what = sort.get();
        if (floods.isHalfway() && frames.get(consumed + 1).verdict() == Frame.Verdict.DROP) {
            floods.forget();
        }
        recovery.putInOrder();
        frames.consumed(consumed);
        announcing = false;
        delivering = false;
        served = NONE;
        return what;
    }

    @Override
    public void add(final TransmitQueue queue) {
        remove(queue); // a command that a fault has cut short may have added it
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
            epoll.remove(queue.events().kick()); // first: what is not polled any more must not be heard
        }
        queues = Arrays.stream(queues).filter(q -> q != queue).toArray(TransmitQueue[]::new);
    }

    @Override
    public void add(final UplinkQueue queue) {
        remove(queue);
        final UplinkQueue[] more = Arrays.copyOf(uplinks, uplinks.length + 1);
        more[uplinks.length] = queue;
        uplinks = more;
        epoll.add(queue.device());
    }

    @Override
    public void remove(final UplinkQueue queue) {
        if (queue.device() != null) {
            epoll.remove(queue.device());
        }
        uplinks = Arrays.stream(uplinks).filter(q -> q != queue).toArray(UplinkQueue[]::new);
    }

    @Override
    public void execute(final Runnable command) {
        commands.execute(command);
    }

    /** Ends its sleep, if it sleeps. Any thread. */
    void wakeIfAsleep() {
        Memory.fullFence(); // what it is to see is visible before its state is looked at
        if (asleep) {
            commands.wake().signal();
        }
    }

    /** Notifies the drivers that are still to be. On its thread. */
    void settle() {
        notifier.settle();
    }

    /** The same of a worker that has no thread. */
    void settleAll() {
        try {
            settle();
            Memory.surfaceFault();
        } catch (final InternalError e) {
            recover(e);
        }
    }

    /** Sleeps no more: its thread is about to be told to end. Any thread. */
    void end() {
        ending = true;
        commands.wake().signal();
    }

    /** Sleeps until a driver kicks, another worker wakes it, or a while has passed; at once where there is something to do already. */
    void sleep() {
        try {
            sleepUntilKicked();
        } catch (final InternalError e) {
            recover(e); // arming kicks touches the guests' memory as well
        } finally {
            asleep = false;
        }
    }

    private void sleepUntilKicked() {
        settle();
        asleep = true;
        final long nanos = nanoClock.getAsLong();
        int millis = MAX_SLEEP_MILLIS;
        boolean busy = ending || halt != null || !commands.isEmpty() || frames.published() > consumed;
        final TransmitQueue[] armed = queues;
        for (int i = 0; i < armed.length; i++) {
            final TransmitQueue queue = armed[i];
            served = i;
            busy |= !queue.idle() || queue.ring() != null && !queue.ring().isWaiting() && queue.ring().armKicks();
            millis = queue.sleepMillis(nanos, millis);
        }
        Memory.surfaceFault(); // not after the sleep
        served = NONE;
        for (final UplinkQueue uplink : uplinks) {
            busy |= !uplink.idle() || uplink.ready() && (uplink.hasReady() || uplink.device().arm());
            if (uplink.port().failure() != null) {
                epoll.remove(uplink.device()); // it would end every sleep
            }
        }
        epoll.await(busy ? 0 : millis);
        for (final TransmitQueue queue : queues) {
            if (queue.ring() != null) {
                queue.ring().suppressKicks();
            }
            if (queue.events().kick() != null && epoll.isReady(queue.events().kick())) {
                queue.port().kicked(1);
            }
        }
        // A kick that was heard would end the next sleep, and if this process ends, a front-end would serve the ring for it.
        epoll.drain();
        for (final UplinkQueue uplink : uplinks) {
            uplink.device().disarm();
        }
    }

    /** Ends. On its thread after the last duty cycle; on any if it has none. */
    void onClose() {
        started.countDown();
        commands.end();
        commands.close();
        epoll.close();
    }

    /** Seconds since the start, as stations' ages are counted. */
    int now() {
        return (int) ((nanoClock.getAsLong() - startNanos) / NANOS_A_SECOND);
    }
}
