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
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.QueueOwner;
import io.ringbridge.datapath.port.Sink;
import io.ringbridge.datapath.port.TransmitQueue;
import io.ringbridge.datapath.port.UplinkPort;
import io.ringbridge.datapath.port.UplinkQueue;
import org.agrona.concurrent.Agent;

import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;

/**
 * One datapath thread: takes frames from the transmit queues it owns, and delivers what lies in its frame ring to the receive queues
 * it owns.
 *
 * <p>A duty cycle runs the commands that others have given, then for each queue: take a burst, deliver what is in the ring, give
 * buffers back. It never blocks while there is something to do, and never waits for another worker.
 */
final class Worker implements Agent, QueueOwner {
    private static final long NANOS_A_SECOND = 1_000_000_000L;
    private static final long RETIRED_NANOS = 200_000;
    private static final int MAX_SLEEP_MILLIS = 1000;

    private final int index;
    private final LongSupplier nanoClock;
    private final FrameRing frames;
    /** One entry, never published: what no guest has sent is delivered where it is made. */
    private final FrameRing announcements = new FrameRing(1, true);
    private final long announcement = Memory.allocate(Rarp.BYTES);
    private final PortList ports;
    private final Ingress ingress;
    private final Notifier notifier = new Notifier();
    private final Effort effort;
    private final Egress egress;
    private final FloodEgress floods;
    private final WorkerLoad load = new WorkerLoad();
    private final CommandQueue commands = new CommandQueue(this::recover);
    private final Epoll epoll = Epoll.create();
    private final long startNanos;
    private TransmitQueue[] queues = {};
    private UplinkQueue[] uplinks = {};
    private long consumed = -1;
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
        this.ports = ports;
        effort = new Effort(index, workers, ports);
        egress = new Egress(notifier, effort);
        floods = new FloodEgress(index, ports, egress);
        frames = new FrameRing(ringSize, workers.length == 1);
        ingress = new Ingress(index, workers, frames, new Bridge(table, ports), new VlanBridge(table, ports), notifier,
            effort);
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

    @Override
    public String roleName() {
        return "rb-worker-" + index;
    }

    @Override
    public void onStart() {
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

    @Override
    public int doWork() {
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
        } catch (final InternalError e) {
            if (!recover()) {
                throw e;
            }
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
        for (final TransmitQueue queue : queues) {
            final int taken = ingress.poll(queue, now, load.lastBegin());
            if (taken > 0) {
                load.poll(taken);
            }
            work += taken + deliver();
            ingress.complete(queue);
        }
        for (final UplinkQueue uplink : uplinks) {
            work += moveFrames(uplink);
        }
        return queues.length + uplinks.length == 0 ? deliver() : work;
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
        where.held();
    }

    private void standWhereDrained() {
        final Halt where = halt;
        if (where != null && where.allHeld() && drained()) {
            halt = null;
            where.stand();
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
        long sequence = consumed + 1;
        while (sequence <= last) {
            final Frame frame = frames.get(sequence);
            int run = 1;
            if (frame.verdict() == Frame.Verdict.UNICAST) {
                final Sink receiver = frame.receiver();
                while (sequence + run <= last && frames.get(sequence + run).goesTo(receiver)) {
                    run++;
                }
                consumed = sequence + run - 1; // frames whose copying faults are not tried again
                egress.deliver(frames, sequence, run, receiver);
            } else if (frame.verdict() != Frame.Verdict.DROP) {
                run = floods.run(frames, sequence, last);
                consumed = sequence + run - 1;
                floods.deliver(frames, sequence, run);
            }
            sequence += run;
        }
        consumed = last;
        egress.flush();
        frames.consumed(last);
        return count;
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
        floods.deliver(announcements, 0, 1);
        egress.flush();
    }

    /**
     * After a touch of memory, or of a log, that its guest has cut away: gives that guest's port up, and puts everything else in
     * order. The fault is raised some time after the touch, so what was going on at this moment tells nothing about whose memory it was.
     *
     * @return false when nobody's memory was cut, and the fault is another
     */
    private boolean recover() {
        boolean found = false;
        for (final Port port : ports.present()) {
            if (port instanceof final GuestPort guest) {
                found |= gaveUp(guest);
            }
        }
        for (final Port port : ports.present()) {
            switch (port) {
                case GuestPort guest -> guest.recover(this);
                case UplinkPort uplink -> uplink.recover(this);
            }
        }
        ingress.recover();
        egress.flush();
        frames.consumed(consumed);
        return found;
    }

    /** Gives a port up whose guest has cut something away; false when it has not. */
    private boolean gaveUp(final GuestPort port) {
        final String cut = port.cut(this);
        if (cut != null) {
            port.fail(cut);
            port.abandon(this);
        }
        return cut != null;
    }

    @Override
    public void add(final TransmitQueue queue) {
        final TransmitQueue[] more = Arrays.copyOf(queues, queues.length + 1);
        more[queues.length] = queue;
        queues = more;
        if (queue.events().kick() != null) {
            epoll.add(queue.events().kick());
        }
    }

    @Override
    public void remove(final TransmitQueue queue) {
        final int before = queues.length;
        queues = Arrays.stream(queues).filter(q -> q != queue).toArray(TransmitQueue[]::new);
        if (queues.length < before && queue.events().kick() != null) {
            epoll.remove(queue.events().kick());
        }
    }

    @Override
    public void add(final UplinkQueue queue) {
        uplinks = Arrays.copyOf(uplinks, uplinks.length + 1);
        uplinks[uplinks.length - 1] = queue;
        epoll.add(queue.device());
    }

    @Override
    public void remove(final UplinkQueue queue) {
        uplinks = Arrays.stream(uplinks).filter(q -> q != queue).toArray(UplinkQueue[]::new);
        epoll.remove(queue.device());
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
            recover(); // arming kicks touches the guests' memory as well
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
        for (final TransmitQueue queue : queues) {
            busy |= !queue.idle() || queue.ring() != null && !queue.ring().isWaiting() && queue.ring().armKicks();
            millis = queue.sleepMillis(nanos, millis);
        }
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

    @Override
    public void onClose() {
        commands.end();
        epoll.close();
    }

    /** Seconds since the start, as stations' ages are counted. */
    int now() {
        return (int) ((nanoClock.getAsLong() - startNanos) / NANOS_A_SECOND);
    }
}
