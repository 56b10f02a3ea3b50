package io.ringbridge.datapath.port;

import org.jspecify.annotations.Nullable;

import java.util.Arrays;

/**
 * Copies the frames of a port, or of a VLAN, to another port. The worker that takes a frame decides whether it is
 * copied; the worker that owns the destination's queue delivers the copy.
 *
 * <p>A mirror begins and ends with the methods of {@link io.ringbridge.datapath.Datapath}. Workers read it; any thread
 * may read its counts.
 */
public final class Mirror {
    private final String name;
    private final @Nullable Port from;
    private final int vlan;
    private final boolean in;
    private final boolean out;
    private final Port to;
    /** One per worker, which writes it. Copied on write, while no worker uses a counter that is new. */
    private volatile QueueCounters[] counters = {};

    private Mirror(final String name, final @Nullable Port from, final int vlan, final boolean in, final boolean out,
                   final Port to, final int workers) {
        this.name = name;
        this.from = from;
        this.vlan = vlan;
        this.in = in;
        this.out = out;
        this.to = to;
        serveWith(workers);
    }

    /** Makes room for the counts of that many workers. Those that are there already stay. Before the workers begin. */
    public void serveWith(final int workers) {
        final QueueCounters[] old = counters;
        if (workers > old.length) {
            final QueueCounters[] more = Arrays.copyOf(old, workers);
            Arrays.setAll(more, i -> i < old.length ? old[i] : new QueueCounters());
            counters = more;
        }
    }

    /**
     * Creates a mirror of a port.
     *
     * @param in whether to copy the frames that enter by the port
     * @param out whether to copy the frames that the bridge sends to the port
     * @param to the destination, another port
     * @param workers the number of workers
     */
    public static Mirror ofPort(final String name, final Port from, final boolean in, final boolean out, final Port to,
                                final int workers) {
        return new Mirror(name, from, 0, in, out, to, workers);
    }

    /**
     * Creates a mirror of a VLAN.
     *
     * @param vlan {@link PortVlan#MIN} to {@link PortVlan#MAX}
     * @param to the destination
     * @param workers the number of workers
     */
    public static Mirror ofVlan(final String name, final int vlan, final Port to, final int workers) {
        return new Mirror(name, null, vlan, false, false, to, workers);
    }

    public String name() {
        return name;
    }

    /** Whether every frame that enters by a port is copied. */
    public boolean copiesFrom(final Port port) {
        return in && port == from;
    }

    /** Returns the port whose frames are copied when the bridge sends them to it, or null. */
    public @Nullable Port copiesTo() {
        return out ? from : null;
    }

    /** Returns the VLAN whose frames are copied, or 0. */
    public int vlan() {
        return vlan;
    }

    /** Returns the port that receives the copies. */
    public Port to() {
        return to;
    }

    /** Returns the counters of copies that a worker has delivered or dropped. That worker writes them. */
    public QueueCounters counters(final int worker) {
        return counters[worker];
    }

    /** Returns the copies that were delivered, as frames that went out, and those that were dropped. */
    public PortStatistics statistics() {
        return PortStatistics.sum(Arrays.stream(counters)
            .map(each -> new PortStatistics(0, 0, each.frames(), each.bytes(), each.drops())).toList());
    }

    /** Continues the counts from those of the same mirror in another process. Before any frame moves. */
    public void continueFrom(final PortStatistics earlier) {
        counters[0].continueFrom(earlier);
    }
}
