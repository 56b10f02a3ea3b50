package io.ringbridge.datapath.port;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.Stream;

/**
 * The queues of a guest's port. Pairs that were removed stay, stopped: they count in the port's statistics, and are
 * used again when the number of pairs increases.
 *
 * <p>Any thread may read. The port's lock guards changes.
 */
final class GuestQueues {
    private final GuestPort port;
    private final IntFunction<QueueOwner[]> placement;
    private volatile int pairs;
    private volatile ReceiveQueue[] receive = {};
    private volatile List<GuestQueue> all = List.of();

    /**
     * Creates the queues.
     *
     * @param placement returns an owner for each of that many new pairs
     */
    GuestQueues(final GuestPort port, final int queuePairs, final IntFunction<QueueOwner[]> placement) {
        this.port = port;
        this.placement = placement;
        add(queuePairs);
        pairs = queuePairs;
    }

    private void add(final int count) {
        final int present = receive.length;
        final QueueOwner[] owners = placement.apply(count);
        final ReceiveQueue[] moreReceive = Arrays.copyOf(receive, present + count);
        final List<GuestQueue> more = new ArrayList<>(all);
        for (int i = 0; i < count; i++) {
            final int pair = present + i;
            moreReceive[pair] = new ReceiveQueue(port, 2 * pair, owners[i]);
            more.add(moreReceive[pair]);
            more.add(new TransmitQueue(port, 2 * pair + 1, owners[i]));
        }
        all = List.copyOf(more);
        receive = moreReceive;
    }

    /** Changes the number of pairs. No queue is started. */
    void resize(final int queuePairs) {
        assert all.stream().noneMatch(GuestQueue::started) : "no front-end is attached";
        if (queuePairs > receive.length) {
            add(queuePairs - receive.length);
        }
        pairs = queuePairs;
    }

    /** Returns the number of pairs in use. */
    int pairs() {
        return pairs;
    }

    /** Returns the queues of all pairs that the port has ever had. */
    List<GuestQueue> all() {
        return all;
    }

    /** Returns the receive queues of all pairs that the port has ever had. */
    ReceiveQueue[] receive() {
        return receive;
    }

    GuestQueue get(final int vring) {
        return all.get(vring);
    }

    /** Gives each pair a trace if it has none, and returns all traces. */
    List<FrameTrace> trace(final int frames) {
        final List<FrameTrace> traces = new ArrayList<>();
        for (final ReceiveQueue queue : receive) {
            final FrameTrace former = queue.trace();
            final FrameTrace trace = former == null ? new FrameTrace(frames) : former;
            queue.trace(trace);
            ((TransmitQueue) get(queue.vring() + 1)).source().trace(trace);
            traces.add(trace);
        }
        return List.copyOf(traces);
    }

    Stream<Interruption> measured() {
        return all.stream().flatMap(queue -> queue.measured().stream());
    }

    /** Returns the sum of the queues' counters. */
    PortStatistics statistics() {
        return PortStatistics.sum(all.stream().map(GuestQueues::reading).toList());
    }

    private static PortStatistics reading(final GuestQueue queue) {
        final QueueCounters c = queue.counters();
        return queue instanceof ReceiveQueue ? new PortStatistics(0, 0, c.frames(), c.bytes(), c.drops())
            : new PortStatistics(c.frames(), c.bytes(), 0, 0, c.drops());
    }

    /** Continues the queues' counters from those of another process, per vring. Before any ring is started. */
    void continueFrom(final List<PortStatistics> readings) {
        for (int i = 0; i < Math.min(all.size(), readings.size()); i++) {
            final GuestQueue queue = all.get(i);
            final PortStatistics reading = readings.get(i);
            queue.owner().execute(() -> queue.counters().continueFrom(reading));
        }
    }

    List<QueueReading> readings() {
        return all.stream().map(queue -> new QueueReading(queue.vring() / 2, queue instanceof TransmitQueue,
            queue.counters(), queue.size(), queue.available(), queue.inFlight())).toList();
    }

    List<QueueStatus> statuses() {
        final List<QueueStatus> rows = new ArrayList<>();
        for (final GuestQueue queue : all.subList(0, 2 * pairs)) {
            rows.add(new QueueStatus(queue.vring(), queue instanceof ReceiveQueue ? "rx" : "tx",
                queue.owner().index(), queue.started(), queue.enabled(), queue.layout(), queue.size(),
                reading(queue)));
        }
        return rows;
    }
}
