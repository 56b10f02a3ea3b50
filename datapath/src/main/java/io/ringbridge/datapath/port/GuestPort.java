package io.ringbridge.datapath.port;

import io.ringbridge.datapath.memory.DirtyLog;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.TouchedRanges;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.ring.RingAddresses;
import io.ringbridge.datapath.ring.RingConfig;
import io.ringbridge.datapath.ring.RingEvents;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A port that a virtual machine attaches to, with a receive and a transmit virtqueue a pair.
 *
 * <p>Commands come from the session's thread, {@link #suspend} and {@link #resume} from any; a lock lets one at a time through. Each
 * returns when the workers have carried it out: after it, no worker holds a reference to what it replaced. Vring indices are as in
 * vhost-user: pair {@code p} has {@code 2p}, which the guest receives on, and {@code 2p + 1}, which it transmits on.
 *
 * <p>While it is suspended, for whatever cause, no worker touches its memory, and it is not notified; commands are carried out as far
 * as that allows, and take effect when it goes on. Frames for it are dropped and counted.
 */
public final class GuestPort extends Port {
    private final int configuredMtu;
    private final ReceiveQueue[] receiveQueues;
    private final List<GuestQueue> queues;
    private volatile GuestMemory memory = GuestMemory.NONE;
    private volatile long features;
    private volatile String ringFault;
    private volatile Set<SuspendCause> suspendedBy = Set.of();
    private volatile PortStatistics brought = PortStatistics.NONE;
    /** The station to announce at the end of the suspension, or 0. */
    private long toAnnounce;
    private volatile PortStatistics whenAttached = PortStatistics.NONE;
    private final AtomicLong kicks = new AtomicLong();

    /**
     * Makes a port with no ring started.
     *
     * @param vlan the VLANs it is in, or null
     * @param owners the owner of each pair
     * @param workers how many workers there are
     * @param stations what is known of those behind it
     */
    public GuestPort(final int index, final String name, final int queuePairs, final int mtu, final PortVlan vlan,
                     final QueueOwner[] owners, final int workers, final Stations stations) {
        super(index, name, mtu, vlan, stations);
        configuredMtu = mtu;
        receiveQueues = new ReceiveQueue[queuePairs];
        final List<GuestQueue> all = new ArrayList<>();
        for (int pair = 0; pair < queuePairs; pair++) {
            receiveQueues[pair] = new ReceiveQueue(this, 2 * pair, owners[pair]);
            all.add(receiveQueues[pair]);
            all.add(new TransmitQueue(this, 2 * pair + 1, owners[pair], workers));
        }
        queues = List.copyOf(all);
    }

    public int queuePairs() {
        return receiveQueues.length;
    }

    /** The MTU without what a front-end has set, which ends with {@link #detach}. */
    public int configuredMtu() {
        return configuredMtu;
    }

    /** A front-end is attached: {@link #sinceAttached} and {@link #kicks} count from now. */
    public void attached() {
        whenAttached = statistics();
        kicks.set(0);
    }

    /** Returns what has moved and was dropped since the front-end is attached. */
    public PortStatistics sinceAttached() {
        return statistics().minus(whenAttached);
    }

    /**
     * Counts kicks of transmit queues that were heard, of which a driver gives none while its worker polls. Any thread.
     *
     * @param more one for several in quick succession
     */
    public void kicked(final long more) {
        kicks.addAndGet(more);
    }

    /**
     * Returns the kicks that were heard since the front-end is attached; several in quick succession may count as one.
     */
    public long kicks() {
        return kicks.get();
    }

    /** Says which virtio features were negotiated, for display; 0 while nobody is attached. */
    public void features(final long negotiated) {
        features = negotiated;
    }

    public long features() {
        return features;
    }

    /** The memory its rings' buffers are in. */
    public GuestMemory memory() {
        return memory;
    }

    /** Suspended where there is a cause, whatever else it has come to, but for a failure. */
    @Override
    public PortState state() {
        final PortState state = super.state();
        return suspendedBy.isEmpty() || state == PortState.FAILED ? state : PortState.SUSPENDED;
    }

    /** Why it is suspended; empty while it is not. */
    public Set<SuspendCause> suspendedBy() {
        return suspendedBy;
    }

    /**
     * Adds a cause of suspension; one that holds already is no error. With the first, every frame taken from the guest is delivered or
     * dropped, its buffer given back, and the guest notified before this returns; from then on the rings are left alone.
     */
    @Override
    public synchronized void suspend(final SuspendCause cause) {
        if (suspendedBy.isEmpty()) {
            quiesce(queues);
            onOwners(queues, queue -> {
                finish(queue);
                queue.hold();
            });
        }
        final Set<SuspendCause> causes = EnumSet.of(cause);
        causes.addAll(suspendedBy);
        suspendedBy = Set.copyOf(causes);
        suspended(true);
    }

    /** With the last cause, the rings that are started run at once. */
    @Override
    public void resume(final SuspendCause cause) {
        final long station = release(cause);
        if (station != 0) {
            announce(station); // without the lock, which it does not need
        }
    }

    /**
     * Removes a cause of suspension.
     *
     * @return the station that is to be announced now, or 0
     */
    private synchronized long release(final SuspendCause cause) {
        if (!suspendedBy.contains(cause)) {
            return 0;
        }
        suspendedBy = suspendedBy.stream().filter(other -> other != cause).collect(Collectors.toUnmodifiableSet());
        if (suspendedBy.isEmpty()) {
            onOwners(queues, GuestQueue::release);
            suspended(false);
        }
        return suspendedBy.isEmpty() ? takeAnnouncement() : 0;
    }

    private long takeAnnouncement() {
        final long station = toAnnounce;
        toAnnounce = 0;
        return station;
    }

    /**
     * Where a ring goes on that has run, as in GET_VRING_BASE, while this is suspended; empty for one that was not started, has not run
     * since, or broke.
     */
    public synchronized OptionalInt position(final int vring) {
        return queue(vring).position();
    }

    /**
     * Starts a stopped ring, which runs while the port is not suspended. It keeps the enabled state that {@link #enableRing} last gave
     * it, which is disabled at first.
     */
    public synchronized void startRing(final int vring, final RingConfig config, final RingEvents events) {
        final GuestQueue queue = queue(vring);
        memory = config.memory();
        queue.owner().execute(() -> {
            if (failure() != null) {
                return; // a start that has met a fault is run again, and the ring is where the fault was
            }
            queue.events(events);
            queue.start(config);
            if (suspendedBy.isEmpty()) {
                queue.release();
            }
        });
        updateReceivers();
    }

    /**
     * Enables or disables a ring, started or not. A disabled receive ring gets nothing. A disabled transmit ring waits to be enabled for
     * up to one second after it was started; then, or once it was enabled, it is processed and its frames are discarded.
     */
    public synchronized void enableRing(final int vring, final boolean enabled) {
        final GuestQueue queue = queue(vring);
        queue.owner().execute(() -> {
            queue.enabled(enabled);
            if (suspendedBy.isEmpty() && (queue.awaitsEnable() || queue.isHeld())) {
                queue.release();
            }
        });
        updateReceivers();
    }

    /** Replaces a ring's descriptors, and notifies the driver once in case a notification was lost in between. */
    public synchronized void ringEvents(final int vring, final RingEvents events) {
        final GuestQueue queue = queue(vring);
        final boolean askAnew = !Objects.equals(events.translations(), queue.events().translations());
        queue.owner().execute(() -> {
            final boolean polled = queue instanceof final TransmitQueue transmit && transmit.polled();
            if (polled) {
                queue.owner().remove((TransmitQueue) queue);
            }
            queue.events(events);
            if (polled) {
                queue.owner().add((TransmitQueue) queue);
            }
            queue.callAgain();
            if (askAnew) {
                queue.retry();
            }
        });
    }

    /**
     * Stops a ring: everything taken from it is given back before this returns.
     *
     * @return the base to go on from, as in GET_VRING_BASE; 0 when the ring was not started, or broke; the base it was started with when
     *     it has not run since, as the port is suspended
     */
    public synchronized int stopRing(final int vring) {
        final GuestQueue queue = queue(vring);
        quiesce(List.of(queue));
        final int[] base = new int[1];
        queue.owner().execute(() -> {
            if (queue.started()) {
                base[0] = queue.base(); // noted before it goes: the command may be run again
            }
            stop(queue);
        });
        updateReceivers();
        return base[0];
    }

    private static void stop(final GuestQueue queue) {
        finish(queue);
        queue.stop();
        queue.events(RingEvents.NONE);
    }

    /** Shows and notifies, before the ring's place in memory changes or goes. */
    private static void finish(final GuestQueue queue) {
        queue.show();
        Memory.fullFence();
        queue.settle();
    }

    /**
     * Takes over another memory table, and the rings' places in it, with positions kept.
     *
     * @param addresses by vring index; null for rings that are not started
     */
    public synchronized void remap(final GuestMemory newMemory, final RingAddresses[] addresses) {
        quiesce(queues);
        memory = newMemory;
        onOwners(queues, queue -> {
            final RingAddresses place = place(queue, addresses);
            finish(queue);
            if (place != null) {
                queue.remap(newMemory, place);
            }
            queue.resume();
        });
        onOwners(queues, this::goOn);
    }

    /** Lets a ring go on that may have waited for what another memory table has. */
    private void goOn(final GuestQueue queue) {
        if (queue.started() && queue.ring() == null && suspendedBy.isEmpty()) {
            queue.release();
        } else {
            queue.retry();
        }
    }

    private static RingAddresses place(final GuestQueue queue, final RingAddresses[] addresses) {
        return queue.vring() < addresses.length ? addresses[queue.vring()] : null;
    }

    /**
     * Takes over memory of which more is known behind the IOMMU, or the same again; what was known already holds, so that frames may be
     * on their way. Rings that waited for it go on.
     *
     * @param first the first address of what is told
     * @param last the last one
     */
    public synchronized void translations(final GuestMemory newMemory, final long first, final long last) {
        memory = newMemory;
        onOwners(queues, queue -> queue.translations(newMemory, first, last));
        onOwners(queues, GuestQueue::retry);
    }

    /** Says that a page has come that a ring has asked for, or that it has to be asked for again. */
    public synchronized void pageCame(final int vring) {
        final GuestQueue queue = queue(vring);
        queue.owner().execute(() -> queue.pageCame(suspendedBy.isEmpty()));
    }

    /** Says that there is no translation that a ring has asked for. */
    public synchronized void refuseTranslation(final int vring, final long address, final int access) {
        final GuestQueue queue = queue(vring);
        queue.owner().execute(() -> {
            queue.refuseTranslation(address, access);
            queue.retry();
        });
    }

    /**
     * Logs what is written to the guest's memory, from now on and by rings started later, in place of where it was logged before: when
     * this returns, no worker writes there any more, and all that was written till then is marked.
     *
     * @param log null for not at all
     * @param changed signalled when the log was written, once a queue and burst; may be null
     */
    public synchronized void log(final DirtyLog log, final EventFd changed) {
        onOwners(queues, queue -> queue.log(log, changed));
    }

    /**
     * Stops and disables every ring, forgets memory, log, features and the MTU that was set, and makes the bridge forget the addresses
     * learned here. Of suspension, only the operator's outlasts it.
     */
    @Override
    public synchronized void detach() {
        quiesce(queues);
        onOwners(queues, queue -> {
            stop(queue);
            queue.log(null, null);
            queue.enabled(false);
        });
        updateReceivers();
        memory = GuestMemory.NONE;
        features = 0;
        failure(null);
        ringFault = null;
        toAnnounce = 0;
        mtu(configuredMtu);
        suspendedBy = suspendedBy.contains(SuspendCause.OPERATOR) ? Set.of(SuspendCause.OPERATOR) : Set.of();
        suspended(!suspendedBy.isEmpty());
        stations().forget();
    }

    /**
     * Makes the switch know a station here, and every other port hear of it, as if it had sent a reverse ARP request; whatever rings
     * of this port run.
     *
     * @param address a single station's, its first byte on the wire the lowest
     */
    public void announce(final long address) {
        stations().announce(address);
    }

    /**
     * Announces a station now, or at the end of the suspension if the port is suspended.
     *
     * @param address as in {@link #announce}; 0 to withdraw an announcement that is still to come
     */
    public void announceWhenResumed(final long address) {
        final long station;
        synchronized (this) {
            toAnnounce = address;
            station = suspendedBy.isEmpty() ? takeAnnouncement() : 0;
        }
        if (station != 0) {
            announce(station);
        }
    }

    /** Whether an announcement waits for the end of the suspension. */
    public synchronized boolean isToAnnounce() {
        return toAnnounce != 0;
    }

    /** The stations set by hand here, by their keys in the forwarding table. */
    public long[] staticStations() {
        return stations().statics();
    }

    /** Sets stations by hand here that were so where the guest came from; how many were left out, as {@link Stations#addStatics} says. */
    public int addStaticStations(final long... keys) {
        return stations().addStatics(keys);
    }

    /** Forgets every station here, those set by hand as well: they have gone elsewhere with the guest. */
    public void forgetStations() {
        stations().forgetAll();
    }

    /** Waits until no worker holds a frame of these queues, and lets them take no more. */
    private static void quiesce(final List<GuestQueue> queues) {
        onOwners(queues, GuestQueue::pause);
        for (final GuestQueue queue : queues) {
            if (!queue.idle()) {
                queue.owner().await(queue::idle);
            }
        }
    }

    /** Does something with each queue, on its owner's thread; one command an owner. */
    private static void onOwners(final List<GuestQueue> queues, final Consumer<GuestQueue> action) {
        final Map<QueueOwner, List<GuestQueue>> byOwner =
            queues.stream().collect(Collectors.groupingBy(GuestQueue::owner, LinkedHashMap::new, Collectors.toList()));
        byOwner.values().forEach(owned -> owned.getFirst().owner().execute(() -> owned.forEach(action)));
    }

    /**
     * Makes the queues that run now those that take frames. A worker calls this as well, without the lock, after a ring
     * broke: whoever writes last has seen the changes of all others.
     */
    private void updateReceivers() {
        ReceiveQueue[] running;
        do {
            running = runningReceivers();
            receivers(running);
        } while (!Arrays.equals(running, runningReceivers()));
    }

    private ReceiveQueue[] runningReceivers() {
        return Arrays.stream(receiveQueues).filter(q -> q.started() && q.enabled()).toArray(ReceiveQueue[]::new);
    }

    /** Takes no more frames on a ring that was given up. On the thread of the queue's owner. */
    void ringGivenUp() {
        updateReceivers();
    }

    private GuestQueue queue(final int vring) {
        return queues.get(vring);
    }

    /**
     * Which part of the front-end's memory is not there any more, as a worker finds it after a fault, or null: its files are too short, or
     * there is no room for a ring, a log or a record. Costs system calls. On that worker's thread.
     */
    public String cut(final QueueOwner worker) {
        final GuestMemory looked = memory;
        if (!looked.intact() && looked == memory) { // its files may be closed once it has been replaced
            return "the file behind the guest's memory was cut while in use";
        }
        if (!owned(worker).allMatch(GuestQueue::logIntact)) {
            return "the file behind the dirty log was cut while in use, or there is no room for it";
        }
        if (!owned(worker).allMatch(GuestQueue::recordIntact)) {
            return "the file that records chains in flight was cut while in use, or there is no room for it";
        }
        return owned(worker).allMatch(GuestQueue::ringIsThere) ? null : "the memory that a ring is in cannot be accessed";
    }

    /**
     * Which of the ranges that a worker may have touched is in the guest's memory and cannot be accessed, or null. Costs system calls. On
     * that worker's thread.
     */
    public String lost(final TouchedRanges touched) {
        final long address = touched.firstLost(memory);
        return address == TouchedRanges.NONE ? null
            : "the memory at guest address 0x" + Long.toHexString(address) + " cannot be accessed: its file system has no room for it, or "
                + "it cannot be read";
    }

    /** Adds what is touched of its rings of a worker. On that worker's thread. */
    public void addTouched(final QueueOwner worker, final TouchedRanges ranges) {
        owned(worker).forEach(queue -> queue.addTouched(ranges));
    }

    /** Whether a worker has rings of its. On that worker's thread. */
    public boolean hasRings(final QueueOwner worker) {
        return owned(worker).anyMatch(GuestQueue::started);
    }

    /** Gives the port up: from now on nothing is delivered to it. Any worker may call. */
    @Override
    public void fail(final String why) {
        super.fail(why);
        receivers();
    }

    /** Gives up, without a further touch of their memory, the rings a worker owns. On that worker's thread. */
    public void abandon(final QueueOwner worker) {
        owned(worker).forEach(GuestQueue::abandon);
    }

    /**
     * Puts back what a fault left out of the rings a worker owns, shows what was used, and notifies. A fault in this port's memory is
     * raised before this returns. On that worker's thread.
     */
    public void recover(final QueueOwner worker) {
        owned(worker).forEach(GuestQueue::recover);
        Memory.surfaceFault();
    }

    private Stream<GuestQueue> owned(final QueueOwner worker) {
        return queues.stream().filter(queue -> queue.owner().index() == worker.index());
    }

    /** Why a ring was given up since this was last asked, or null. */
    public String takeRingFault() {
        final String fault = ringFault;
        ringFault = null;
        return fault;
    }

    void ringFault(final String fault) {
        ringFault = fault;
    }

    @Override
    public PortStatistics statistics() {
        return PortStatistics.sum(Stream.concat(Stream.of(brought), queues().stream().map(QueueStatus::statistics)).toList());
    }

    /** Lets its counters go on from those of the port that the guest came from. */
    public void continueFrom(final PortStatistics earlier) {
        brought = earlier.minus(PortStatistics.sum(queues().stream().map(QueueStatus::statistics).toList()));
    }

    /**
     * Lets its counters, and those of its queues, go on from those of the same port in another process. Before any ring is started.
     *
     * @param total of the port
     * @param ofQueues a reading a vring; those of vrings that are not here count in the total only
     */
    public void continueFrom(final PortStatistics total, final List<PortStatistics> ofQueues) {
        for (int i = 0; i < Math.min(queues.size(), ofQueues.size()); i++) {
            final GuestQueue queue = queues.get(i);
            final PortStatistics reading = ofQueues.get(i);
            queue.owner().execute(() -> queue.counters().continueFrom(reading));
        }
        continueFrom(total);
    }

    @Override
    public List<QueueStatus> queues() {
        final List<QueueStatus> rows = new ArrayList<>();
        for (final GuestQueue queue : queues) {
            final QueueCounters c = queue.counters();
            final boolean receive = queue instanceof ReceiveQueue;
            rows.add(new QueueStatus(queue.vring(), receive ? "rx" : "tx", queue.owner().index(), queue.started(), queue.enabled(),
                queue.layout(), queue.size(),
                receive ? new PortStatistics(0, 0, c.frames(), c.bytes(), c.drops())
                    : new PortStatistics(c.frames(), c.bytes(), 0, 0, c.drops())));
        }
        return rows;
    }
}
