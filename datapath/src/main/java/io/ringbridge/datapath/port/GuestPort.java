package io.ringbridge.datapath.port;

import io.ringbridge.datapath.memory.DirtyLog;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.ring.RingAddresses;
import io.ringbridge.datapath.ring.RingConfig;
import io.ringbridge.datapath.ring.RingEvents;
import org.jspecify.annotations.Nullable;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A port for a virtual machine. Each queue pair has a receive and a transmit virtqueue.
 *
 * <p>The session's thread calls the commands; any thread may call {@link #suspend} and {@link #resume}. A lock admits
 * one command at a time. A command returns when the workers have executed it: no worker then has a reference to the
 * objects that it replaced. Vring indices are as in vhost-user: the guest receives on vring {@code 2p} of pair
 * {@code p}, and transmits on vring {@code 2p + 1}.
 *
 * <p>While the port is suspended, for any cause, no worker touches the guest's memory or notifies the guest. Commands
 * are executed as far as that allows, and take effect when the port resumes. Frames for the port are dropped and
 * counted.
 */
public final class GuestPort extends Port {
    private final GuestQueues queues;
    private final GuestActivity activity = new GuestActivity();
    private final GuestStations stations;
    private volatile int configuredMtu;
    /** The MTU that the front-end has set, or 0. Guarded by {@code this}. */
    private int frontEndMtu;
    private volatile GuestMemory memory = GuestMemory.NONE;
    private volatile long features;
    private volatile @Nullable String ringFault;
    private volatile Set<SuspendCause> suspendedBy = Set.of();
    private volatile PortStatistics inherited = PortStatistics.NONE;
    private volatile PortStatistics atAttach = PortStatistics.NONE;

    /**
     * Creates a port with no ring started.
     *
     * @param vlan the VLANs of the port, or null
     * @param placement returns an owner for each of that many new pairs
     * @param stations the bridge's stations behind this port
     */
    public GuestPort(final int index, final String name, final int queuePairs, final int mtu,
                     final @Nullable PortVlan vlan, final IntFunction<QueueOwner[]> placement,
                     final Stations stations) {
        super(index, name, mtu, vlan, stations);
        this.stations = new GuestStations(stations, this);
        configuredMtu = mtu;
        queues = new GuestQueues(this, queuePairs, placement);
    }

    @Override
    List<FrameTrace> traceQueues(final int frames) {
        return queues.trace(frames);
    }

    public int queuePairs() {
        return queues.pairs();
    }

    /**
     * Changes the number of queue pairs, while no front-end is attached. Pairs that are removed count in the port's
     * statistics, and are used again when the number increases.
     */
    public synchronized void resize(final int queuePairs) {
        queues.resize(queuePairs);
        extendTraces();
    }

    /** Returns the configured MTU, the highest that a front-end may set. */
    public int configuredMtu() {
        return configuredMtu;
    }

    /** Changes the configured MTU. An MTU that the front-end has set applies if it is lower. */
    public synchronized void configureMtu(final int newMtu) {
        configuredMtu = newMtu;
        applyMtu();
    }

    /**
     * Sets the MTU of the front-end, until {@link #detach}.
     *
     * @param newMtu at most the configured MTU; 0 for no MTU of the front-end
     */
    public synchronized void frontEndMtu(final int newMtu) {
        frontEndMtu = newMtu;
        applyMtu();
    }

    /** Returns the MTU that the front-end has set, or 0. */
    public synchronized int frontEndMtu() {
        return frontEndMtu;
    }

    private void applyMtu() {
        mtu(frontEndMtu == 0 ? configuredMtu : Math.min(frontEndMtu, configuredMtu));
    }

    /** Records that a front-end is attached: {@link #sinceAttached} and {@link GuestActivity#kicks} count from now. */
    public void markAttached() {
        atAttach = statistics();
        activity.attached();
    }

    /** Returns the counts of attachments, suspensions, kicks and dirty pages. */
    public GuestActivity activity() {
        return activity;
    }

    /** Returns the frames moved and dropped since the front-end was attached. */
    public PortStatistics sinceAttached() {
        return statistics().minus(atAttach);
    }

    /** Records the negotiated virtio features, for display; 0 while no front-end is attached. */
    public void features(final long negotiated) {
        features = negotiated;
    }

    public long features() {
        return features;
    }

    /** Returns the guest's memory. */
    public GuestMemory memory() {
        return memory;
    }

    /** Returns the port's state. A cause of suspension overrides every state but {@link PortState#FAILED}. */
    @Override
    public PortState state() {
        final PortState state = super.state();
        return suspendedBy.isEmpty() || state == PortState.FAILED ? state : PortState.SUSPENDED;
    }

    /** Returns the causes of the suspension; empty while the port is not suspended. */
    public Set<SuspendCause> suspendedBy() {
        return suspendedBy;
    }

    /**
     * Adds a cause of suspension. A cause that is already present is not an error. With the first cause, every frame
     * taken from the guest is delivered or dropped, its buffer is returned and the guest is notified. The rings are not
     * touched after this method has returned.
     */
    @Override
    public synchronized void suspend(final SuspendCause cause) {
        ledger().begin(InterruptionCause.of(cause));
        if (suspendedBy.isEmpty()) {
            quiesce(queues.all());
            onOwners(queues.all(), queue -> {
                publishAndNotify(queue);
                queue.park();
            });
        }
        final Set<SuspendCause> causes = EnumSet.of(cause);
        causes.addAll(suspendedBy);
        if (causes.size() > suspendedBy.size()) {
            activity.suspended(cause);
        }
        suspendedBy = Set.copyOf(causes);
        suspended(true);
    }

    /** Removes a cause of suspension. If no other cause remains, the started rings run at once. */
    @Override
    public void resume(final SuspendCause cause) {
        if (removeCause(cause)) {
            stations.announcePending();
        }
    }

    /**
     * Removes a cause of suspension.
     *
     * @return whether the suspension has ended
     */
    private synchronized boolean removeCause(final SuspendCause cause) {
        if (!suspendedBy.contains(cause)) {
            return false;
        }
        suspendedBy = suspendedBy.stream().filter(other -> other != cause).collect(Collectors.toUnmodifiableSet());
        if (suspendedBy.isEmpty()) {
            onOwners(queues.all(), GuestQueue::unpark);
            suspended(false);
        }
        ledger().end(InterruptionCause.of(cause));
        return suspendedBy.isEmpty();
    }

    /**
     * Returns the position of a ring of a suspended port, as in GET_VRING_BASE. The result is empty if the ring was not
     * started, has not run since it was started, or broke.
     */
    public synchronized OptionalInt position(final int vring) {
        return queue(vring).position();
    }

    /**
     * Returns the position of every started ring, as in GET_VRING_BASE, by vring index. The rings keep running: their
     * owners read the positions between two bursts.
     */
    public synchronized Map<Integer, Integer> positions() {
        final Map<Integer, Integer> positions = new TreeMap<>();
        onOwners(queues.all(), queue -> {
            if (queue.started()) {
                positions.put(queue.vring(), queue.base());
            }
        });
        return positions;
    }

    /**
     * Starts a stopped ring. It runs while the port is not suspended. It keeps the state that {@link #enableRing} set
     * last; rings are initially disabled.
     */
    public synchronized void startRing(final int vring, final RingConfig config, final RingEvents events) {
        final GuestQueue queue = queue(vring);
        memory = config.memory();
        queue.owner().execute(() -> {
            if (failure() != null) {
                return; // this is a retry after a fault, and the ring is in the memory that caused the fault
            }
            queue.events(events);
            queue.start(config);
            if (suspendedBy.isEmpty()) {
                queue.unpark();
            }
        });
        updateReceivers();
    }

    /**
     * Enables or disables a ring, which need not be started. A disabled receive ring gets no frames. A disabled
     * transmit ring first waits up to one second after its start to be enabled. After that time, or once it has been
     * enabled, a disabled transmit ring is processed and its frames are dropped.
     */
    public synchronized void enableRing(final int vring, final boolean enabled) {
        final GuestQueue queue = queue(vring);
        queue.owner().execute(() -> {
            queue.enabled(enabled);
            if (suspendedBy.isEmpty() && (queue.awaitsEnable() || queue.isParked())) {
                queue.unpark();
            }
        });
        updateReceivers();
    }

    /** Replaces a ring's event descriptors, and notifies the driver once in case a notification was lost in between. */
    public synchronized void setRingEvents(final int vring, final RingEvents events) {
        final GuestQueue queue = queue(vring);
        final boolean otherReceiver = !Objects.equals(events.translations(), queue.events().translations());
        queue.owner().execute(() -> {
            final boolean polled = queue instanceof final TransmitQueue transmit && transmit.isPolled();
            if (polled) {
                queue.owner().remove((TransmitQueue) queue);
            }
            queue.events(events);
            if (polled) {
                queue.owner().add((TransmitQueue) queue);
            }
            queue.repeatCall();
            if (otherReceiver) {
                queue.retry();
            }
        });
    }

    /**
     * Stops a ring. All chains in flight are returned to it before this method returns.
     *
     * @return the base to resume from, as in GET_VRING_BASE; 0 if the ring was not started, or broke; the base with
     *     which it was started if it has not run since, because the port is suspended
     */
    public synchronized int stopRing(final int vring) {
        final GuestQueue queue = queue(vring);
        quiesce(List.of(queue));
        final int[] base = new int[1];
        queue.owner().execute(() -> {
            if (queue.started()) {
                base[0] = queue.base(); // read before the ring goes: the command may be run again
            }
            stop(queue);
        });
        updateReceivers();
        return base[0];
    }

    private static void stop(final GuestQueue queue) {
        publishAndNotify(queue);
        queue.stop();
        queue.events(RingEvents.NONE);
    }

    /** Publishes the used buffers and notifies the driver, before the ring's memory changes or goes. */
    private static void publishAndNotify(final GuestQueue queue) {
        queue.publish();
        Memory.fullFence();
        queue.markSettled();
    }

    /**
     * Replaces the memory table and the rings' addresses, and keeps the positions.
     *
     * @param addresses the addresses by vring index; null for rings that are not started
     */
    public synchronized void remap(final GuestMemory newMemory, final @Nullable RingAddresses[] addresses) {
        final long start = System.nanoTime();
        final boolean silences = receivers().length > 0 && suspendedBy.isEmpty()
            && !newMemory.regions().equals(memory.regions());
        quiesce(queues.all());
        memory = newMemory;
        onOwners(queues.all(), queue -> {
            final RingAddresses place = newAddresses(queue, addresses);
            publishAndNotify(queue);
            if (place != null) {
                queue.remap(newMemory, place);
            }
            queue.resume();
        });
        onOwners(queues.all(), this::resumeAfterRemap);
        if (silences) {
            ledger().ended(InterruptionCause.MEMORY_CHANGE, start);
        }
    }

    /** Resumes a ring that may have waited for the new memory table. */
    private void resumeAfterRemap(final GuestQueue queue) {
        if (queue.started() && queue.ring() == null && suspendedBy.isEmpty()) {
            queue.unpark();
        } else {
            queue.retry();
        }
    }

    private static @Nullable RingAddresses newAddresses(final GuestQueue queue,
                                                        final @Nullable RingAddresses[] addresses) {
        return queue.vring() < addresses.length ? addresses[queue.vring()] : null;
    }

    /**
     * Adds translations behind the IOMMU, and resumes the rings that waited for them. Existing translations must be
     * unchanged, so frames may be in flight.
     *
     * @param newMemory the guest's memory with the new translations
     * @param first the first address of the new translations
     * @param last the last address of the new translations
     */
    public synchronized void addTranslations(final GuestMemory newMemory, final long first, final long last) {
        memory = newMemory;
        onOwners(queues.all(), queue -> queue.addTranslations(newMemory, first, last));
        onOwners(queues.all(), GuestQueue::retry);
    }

    /** Resumes a ring after a page that it requested has arrived, or makes the ring request the page again. */
    public synchronized void pageArrived(final int vring) {
        final GuestQueue queue = queue(vring);
        queue.owner().execute(() -> queue.pageArrived(suspendedBy.isEmpty()));
    }

    /** Refuses a translation that a ring has requested. */
    public synchronized void refuseTranslation(final int vring, final long address, final int access) {
        final GuestQueue queue = queue(vring);
        queue.owner().execute(() -> {
            queue.refuseTranslation(address, access);
            queue.retry();
        });
    }

    /**
     * Replaces the log of writes to the guest's memory, for the present rings and for those started later. When this
     * method returns, no worker writes to the previous log any more, and all earlier writes are marked there.
     *
     * @param log null to log nothing
     * @param changed signalled after the log was written, once per queue per burst; may be null
     */
    public synchronized void setLog(final @Nullable DirtyLog log, final @Nullable EventFd changed) {
        onOwners(queues.all(), queue -> queue.log(log, changed));
        activity.log(log);
    }

    @Override
    boolean isMigrating() {
        return activity.isLogging();
    }

    /**
     * Stops and disables every ring. The port drops its references to memory and log, clears the features, and returns
     * to the configured MTU. The bridge forgets the addresses learned on this port. Only a suspension by the operator
     * outlasts the front-end.
     */
    @Override
    public synchronized void detach() {
        quiesce(queues.all());
        onOwners(queues.all(), queue -> {
            stop(queue);
            queue.log(null, null);
            queue.enabled(false);
        });
        activity.log(null);
        updateReceivers();
        memory = GuestMemory.NONE;
        features = 0;
        failure(null);
        ringFault = null;
        stations.withdraw();
        frontEndMtu = 0;
        applyMtu();
        suspendedBy = suspendedBy.contains(SuspendCause.OPERATOR) ? Set.of(SuspendCause.OPERATOR) : Set.of();
        suspended(!suspendedBy.isEmpty());
        ledger().end(InterruptionCause.SUSPENDED_BY_FRONT_END, InterruptionCause.SUSPENDED_BY_DRIVER,
            InterruptionCause.UPGRADE);
        bridgeStations().forget();
    }

    /** Returns the stations behind this port. */
    public GuestStations stations() {
        return stations;
    }

    /** Pauses these queues, and waits until no worker has a frame of theirs. */
    private static void quiesce(final List<GuestQueue> some) {
        onOwners(some, GuestQueue::pause);
        for (final GuestQueue queue : some) {
            if (!queue.idle()) {
                queue.owner().await(queue::idle);
            }
        }
    }

    /** Performs an action on each queue, on its owner's thread, with one command per owner. */
    private static void onOwners(final List<GuestQueue> some, final Consumer<GuestQueue> action) {
        final Map<QueueOwner, List<GuestQueue>> byOwner =
            some.stream().collect(Collectors.groupingBy(GuestQueue::owner, LinkedHashMap::new, Collectors.toList()));
        byOwner.values().forEach(owned -> owned.getFirst().owner().execute(() -> owned.forEach(action)));
    }

    /**
     * Makes the running receive queues those that accept frames. A worker also calls this method, without the lock,
     * after a ring broke. The thread that writes last has seen the changes of all others.
     */
    private void updateReceivers() {
        ReceiveQueue[] running;
        do {
            running = runningReceivers();
            receivers(running);
        } while (!Arrays.equals(running, runningReceivers()));
    }

    private ReceiveQueue[] runningReceivers() {
        return Arrays.stream(queues.receive()).filter(q -> q.started() && q.enabled()).toArray(ReceiveQueue[]::new);
    }

    /** Accepts no more frames for a ring that broke. On the thread of the queue's owner. */
    void ringBroken() {
        updateReceivers();
    }

    private GuestQueue queue(final int vring) {
        return queues.get(vring);
    }

    /** Returns the rings that a worker owns, for recovery after a fault. On that worker's thread. */
    public OwnedRings ownedBy(final QueueOwner worker) {
        return new OwnedRings(this,
            queues.all().stream().filter(queue -> queue.owner().index() == worker.index()).toList());
    }

    /** Marks the port as failed: from now on nothing is delivered to it. Any worker may call. */
    @Override
    public void fail(final String why) {
        super.fail(why);
        receivers();
    }

    @Override
    List<ReceiveQueue> sinks() {
        return List.of(queues.receive());
    }

    @Override
    Stream<Interruption> measured() {
        return queues.measured();
    }

    /** Returns the reason why a ring broke since the last call, or null. */
    public @Nullable String takeRingFault() {
        final String fault = ringFault;
        ringFault = null;
        return fault;
    }

    void ringFault(final String fault) {
        ringFault = fault;
    }

    @Override
    public PortStatistics statistics() {
        return PortStatistics.sum(List.of(inherited, queues.statistics()));
    }

    /** Continues the port's counters from those of the port on the guest's previous host. */
    public void continueFrom(final PortStatistics earlier) {
        inherited = earlier.minus(queues.statistics());
    }

    /**
     * Continues the counters of the port and its queues from those of the same port in another process. Before any ring
     * is started.
     *
     * @param total the counters of the port
     * @param ofQueues the counters per vring; those of vrings that this port does not have count in the total only
     */
    public void continueFrom(final PortStatistics total, final List<PortStatistics> ofQueues) {
        queues.continueFrom(ofQueues);
        continueFrom(total);
    }

    @Override
    public List<QueueReading> readings() {
        return queues.readings();
    }

    @Override
    public List<QueueStatus> queues() {
        return queues.statuses();
    }
}
