package io.ringbridge.datapath.port;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/** A port of the switch. The datapath creates it; any thread may read it. */
public abstract sealed class Port permits GuestPort, UplinkPort {
    private static final AtomicInteger SERIALS = new AtomicInteger();
    private static final PortCapture[] NO_CAPTURES = {};

    private final int serial = SERIALS.incrementAndGet();
    private final int index;
    private final String name;
    /** The VLANs that workers read: those configured, or {@link PortVlan#RESERVED}. */
    private volatile @Nullable PortVlan vlan;
    private volatile @Nullable PortVlan configuredVlan;
    /** The static stations that a port reserved for mirrors had before. */
    private volatile long[] setAside = {};
    private final Stations stations;
    private volatile int mtu;
    private volatile Sink[] receivers = {};
    private volatile PortState state = PortState.WAITING;
    private volatile long sinceMillis = System.currentTimeMillis();
    private volatile @Nullable String failure;
    private volatile boolean suspended;
    private volatile int relayedGroups;
    /** One per queue pair; none if no frames are recorded. */
    private volatile List<FrameTrace> traces = List.of();
    private volatile int tracedFrames;
    private final long createdMillis = System.currentTimeMillis();
    private final Interruptions interruptions = new Interruptions();
    private volatile PortCapture[] inCaptures = NO_CAPTURES;
    private volatile PortCapture[] outCaptures = NO_CAPTURES;

    Port(final int index, final String name, final int mtu, final @Nullable PortVlan vlan, final Stations stations) {
        this.index = index;
        this.name = name;
        this.mtu = mtu;
        this.vlan = vlan;
        configuredVlan = vlan;
        this.stations = stations;
    }

    /** Returns the port's number, unique among the present ports. */
    public final int index() {
        return index;
    }

    /** Returns a positive number that no other port of this process has ever had. */
    public final int serial() {
        return serial;
    }

    public final String name() {
        return name;
    }

    /**
     * Returns the VLANs of the port. The result is null if none are configured: its frames then go unchanged to other
     * ports without VLANs only. It is {@link PortVlan#RESERVED} while the port is the destination of a mirror.
     */
    public final @Nullable PortVlan vlan() {
        return vlan;
    }

    /**
     * Sets the VLANs of the port. Workers read them several times per frame, so all workers are frozen meanwhile. They
     * take effect when the port is not, or no longer, reserved.
     *
     * @param newVlan null for no VLANs
     */
    public final void vlan(final @Nullable PortVlan newVlan) {
        configuredVlan = newVlan;
        if (!isReserved()) {
            vlan = newVlan;
        }
        stations.changed();
    }

    /** Returns the VLANs that are configured for the port, also while it is reserved. */
    public final @Nullable PortVlan configuredVlan() {
        return configuredVlan;
    }

    /** Whether the port is reserved for the copies of mirrors. */
    public final boolean isReserved() {
        final PortVlan now = vlan;
        return now != null && now.isReserved();
    }

    /**
     * Reserves the port for the copies of mirrors: it takes no part in the bridge, and the bridge forgets its stations.
     * All workers are frozen meanwhile.
     */
    public final void reserve() {
        setAside = stations.statics();
        stations.forgetAll();
        vlan = PortVlan.RESERVED;
        stations.changed();
    }

    /** Makes a reserved port a part of the bridge again, with its static stations. All workers are frozen meanwhile. */
    public final void unreserve() {
        final long[] statics = setAside;
        setAside = new long[0];
        vlan = configuredVlan;
        stations.changed();
        stations.addStatics(statics);
    }

    /** Returns the keys of the static stations to restore once the port is no longer reserved. */
    public final long[] setAsideStations() {
        return setAside;
    }

    /** Whether frames of a VLAN may leave by this port. VLAN 0 stands for frames from ports without VLANs. */
    public final boolean carries(final int id) {
        final PortVlan now = vlan;
        return now == null ? id == 0 : now.carries(id);
    }

    /** Returns the port's state, for display. */
    public PortState state() {
        return state;
    }

    /** Sets the port's state. Called by the port's driver: the session of a guest port, the link of an uplink. */
    public final void state(final PortState newState) {
        final PortState old = state;
        if (old != newState) {
            sinceMillis = System.currentTimeMillis();
            interruptions.stateChanged(old, newState, isMigrating());
        }
        state = newState;
    }

    /** Whether the guest's writes are logged, as during a migration. */
    boolean isMigrating() {
        return false;
    }

    /** Returns the record of interruptions by changes of the port's state. */
    final Interruptions ledger() {
        return interruptions;
    }

    /** Returns the interruptions that workers have measured. */
    abstract Stream<Interruption> measured();

    /** Returns the latest interruptions, at most 64, in the order of their start. Any thread may call. */
    public final List<Interruption> interruptions() {
        return Interruptions.latest(Stream.concat(interruptions.list().stream(), measured()));
    }

    /**
     * Continues from the interruptions of the same port in another process. Those that its workers measured have ended.
     */
    public final void continueInterruptions(final List<Interruption> earlier) {
        interruptions.continueFrom(earlier.stream()
            .map(one -> one.cause() == InterruptionCause.NO_BUFFERS ? one.ended() : one).toList());
    }

    /** Returns the queues by which frames can leave the switch through this port, running or not. */
    abstract List<? extends Sink> sinks();

    /** Returns the latency of the sampled frames that left by this port. Any thread may call. */
    public final LatencyReading latency() {
        final LatencyReading reading = new LatencyReading(Latency.empty(), Latency.empty(), createdMillis);
        for (final Sink sink : sinks()) {
            final Latency recorded = sink.latency();
            if (recorded != null) {
                recorded.addTo(reading);
            }
        }
        return reading;
    }

    /** Returns the time of the last change of state, in milliseconds since 1970. */
    public final long sinceMillis() {
        return sinceMillis;
    }

    /** Returns the length of the longest payload of a frame, in bytes. */
    public final int mtu() {
        return mtu;
    }

    /** Sets the MTU. Called by the port's driver. */
    public final void mtu(final int newMtu) {
        mtu = newMtu;
    }

    /** Returns the queues that accept frames now, in order. Workers read it for each frame. */
    public final Sink[] receivers() {
        return receivers;
    }

    /** Sets the queues that accept frames from now on. Earlier verdicts become void. */
    final void receivers(final Sink... now) {
        receivers = now;
        stations.changed();
    }

    /**
     * Whether the port can deliver nothing, like a link that is down: it is suspended, has failed, or has no running
     * receive queue. Stations learned behind it may have moved.
     */
    public boolean isDown() {
        return suspended || failure != null || receivers.length == 0;
    }

    /** Records whether the port is suspended. Earlier verdicts become void. */
    final void suspended(final boolean now) {
        suspended = now;
        stations.changed();
    }

    /**
     * Whether frames that arrive on this port are relayed to a reserved group, 01:80:c2:00:00:00 to 0f.
     *
     * @param number the group's last octet
     */
    public final boolean relaysGroup(final int number) {
        return (relayedGroups >>> number & 1) != 0;
    }

    /**
     * Sets the reserved groups to which frames that arrive on this port are relayed. Initially there are none.
     *
     * @param mask one bit per group, by its last octet; the bit of 01, MAC control, has no effect
     */
    public final void relayGroups(final int mask) {
        relayedGroups = mask;
    }

    /**
     * Begins to record the last frames of the port. Called before the queues receive any. Queues that are recorded
     * already keep their frames.
     *
     * @param frames the number of frames per queue pair
     */
    public final void traceFrames(final int frames) {
        tracedFrames = frames;
        traces = traceQueues(frames);
    }

    /** Begins to record the frames of queue pairs that were added, if those of the others are recorded. */
    final void extendTraces() {
        if (tracesFrames()) {
            traceFrames(tracedFrames);
        }
    }

    /** Gives each queue pair a trace if it has none, and returns all traces. */
    abstract List<FrameTrace> traceQueues(int frames);

    /** Returns the recorded frames of all queue pairs in the order of their times. Any thread may call. */
    public final List<TracedFrame> tracedFrames() {
        final List<TracedFrame> all = new ArrayList<>();
        traces.forEach(trace -> all.addAll(trace.frames()));
        all.sort(Comparator.comparingLong(TracedFrame::nanos));
        return all;
    }

    /** Whether the last frames of the port are recorded. */
    public final boolean tracesFrames() {
        return !traces.isEmpty();
    }

    /** Frees the recorded frames. The port is removed, and no worker has a frame for it. */
    public final void forgetFrames() {
        traces.forEach(FrameTrace::close);
    }

    /** Returns the captures of frames that enter by this port. Workers read them once per burst. */
    public final PortCapture[] inCaptures() {
        return inCaptures;
    }

    /** Returns the captures of frames that leave by this port. Workers read them once per run of frames. */
    public final PortCapture[] outCaptures() {
        return outCaptures;
    }

    /** Adds a capture. Workers copy frames from their next burst on. */
    public final synchronized void addCapture(final PortCapture capture) {
        inCaptures = capture.takesIn() ? with(inCaptures, capture) : inCaptures;
        outCaptures = capture.takesOut() ? with(outCaptures, capture) : outCaptures;
    }

    /** Removes a capture. Workers may copy frames until they have ended their current burst. */
    public final synchronized void removeCapture(final PortCapture capture) {
        inCaptures = without(inCaptures, capture);
        outCaptures = without(outCaptures, capture);
    }

    /** Makes room in the captures for frames of that many workers, see {@link PortCapture#serveWith}. */
    public final synchronized void captureWith(final int workers) {
        for (final PortCapture capture : inCaptures) {
            capture.serveWith(workers);
        }
        for (final PortCapture capture : outCaptures) {
            capture.serveWith(workers);
        }
    }

    private static PortCapture[] with(final PortCapture[] captures, final PortCapture added) {
        final PortCapture[] more = Arrays.copyOf(captures, captures.length + 1);
        more[captures.length] = added;
        return more;
    }

    private static PortCapture[] without(final PortCapture[] captures, final PortCapture removed) {
        return Arrays.stream(captures).filter(each -> each != removed).toArray(PortCapture[]::new);
    }

    /** Returns the bridge's stations behind this port. */
    final Stations bridgeStations() {
        return stations;
    }

    /** Returns the reason why the port has failed, or null. */
    public final @Nullable String failure() {
        return failure;
    }

    final void failure(final @Nullable String why) {
        failure = why;
    }

    /** Marks the port as failed. Any worker may call; the port's driver reads the state later. */
    public void fail(final String why) {
        failure = why;
        state(PortState.FAILED);
        stations.changed();
    }

    /**
     * Adds a cause of suspension. A cause that is already present is not an error. When this method returns, the port
     * takes in no more frames, and all earlier ones were delivered or dropped. Frames for the port are dropped.
     */
    public abstract void suspend(SuspendCause cause);

    /**
     * Removes a cause of suspension. A cause that is not present is not an error. If no other cause remains, frames
     * move again at once.
     */
    public abstract void resume(SuspendCause cause);

    /**
     * Detaches the front-end or the device, and makes the bridge forget the addresses learned on this port. Not on a
     * worker's thread.
     */
    public abstract void detach();

    /** Returns the sum of the counters of all queues, since the switch started. */
    public abstract PortStatistics statistics();

    /** Returns the counters of each queue and direction. Any thread may call; no worker notices. */
    public abstract List<QueueReading> readings();

    /** Returns one row per queue, for display. */
    public abstract List<QueueStatus> queues();
}
