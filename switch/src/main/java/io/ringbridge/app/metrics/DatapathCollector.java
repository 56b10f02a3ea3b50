package io.ringbridge.app.metrics;

import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.bridge.ForwardingTable;
import io.ringbridge.datapath.packet.FrameKinds;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.Mirror;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.port.PortStatistics;
import io.ringbridge.datapath.port.QueueCounters;
import io.ringbridge.datapath.port.QueueReading;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.worker.WorkerCounters;

import java.util.Arrays;

/** Reads the counters of a datapath. Any thread may call. */
record DatapathCollector(Datapath datapath, String version) implements MultiCollector {
    private static final double MILLIS_PER_SECOND = 1e3;
    private static final DropReason[] REASONS = DropReason.values();

    @Override
    public MetricSnapshots collect() {
        final Samples samples = new Samples();
        samples.addInfo(Metric.BUILD_INFO, version);
        for (final Port port : datapath.ports()) {
            addPort(samples, port);
        }
        datapath.mirrors().forEach(mirror -> addMirror(samples, mirror));
        datapath.workerCounters().forEach(worker -> addWorker(samples, worker));
        addTable(samples, datapath.table());
        return samples.snapshots();
    }

    private static void addPort(final Samples samples, final Port port) {
        final PortState present = port.state();
        for (final PortState state : PortState.values()) {
            samples.add(Metric.PORT_STATE, state == present ? 1 : 0, port.name(), state.label());
        }
        samples.add(Metric.PORT_STATE_SINCE, port.sinceMillis() / MILLIS_PER_SECOND, port.name());
        samples.add(Metric.PORT_MTU, port.mtu(), port.name());
        if (port instanceof final GuestPort guest) {
            samples.add(Metric.PORT_ATTACHMENTS, guest.activity().attachments(), guest.name());
            for (final SuspendCause cause : SuspendCause.values()) {
                samples.add(Metric.PORT_SUSPENSIONS, guest.activity().suspensions(cause), guest.name(), cause.label());
            }
            samples.add(Metric.PORT_DIRTY_PAGES, guest.activity().dirtyPages(), guest.name());
        }
        for (final QueueReading queue : port.readings()) {
            addFrames(samples, port.name(), queue);
            addRing(samples, port, queue);
        }
    }

    private static void addFrames(final Samples samples, final String port, final QueueReading reading) {
        final QueueCounters counters = reading.counters();
        final String queue = Integer.toString(reading.queue());
        final String direction = direction(reading);
        samples.add(Metric.PORT_FRAMES, counters.frames(), port, queue, direction);
        samples.add(Metric.PORT_BYTES, counters.bytes(), port, queue, direction);
        for (final DropReason reason : REASONS) {
            final boolean applies = reading.in() ? reason.isCountedAtSender() : reason.isCountedAtReceiver();
            if (applies || counters.drops(reason) > 0) {
                samples.add(Metric.PORT_DROPS, counters.drops(reason), port, queue, direction, reason.label());
            }
        }
        samples.add(Metric.PORT_DESTINATIONS, counters.unicasts(), port, queue, direction, "unicast");
        samples.add(Metric.PORT_DESTINATIONS, counters.multicasts(), port, queue, direction, "multicast");
        samples.add(Metric.PORT_DESTINATIONS, counters.broadcasts(), port, queue, direction, "broadcast");
        samples.add(Metric.PORT_FRAME_SIZE, buckets(counters.lengths()), (double) counters.ownBytes(), port,
            queue, direction);
    }

    private static void addRing(final Samples samples, final Port port, final QueueReading reading) {
        final QueueCounters counters = reading.counters();
        final String queue = Integer.toString(reading.queue());
        final String direction = direction(reading);
        if (port instanceof GuestPort) {
            if (reading.in()) {
                samples.add(Metric.PORT_KICKS, counters.kicks(), port.name(), queue);
            }
            samples.add(Metric.PORT_CALLS, counters.calls(), port.name(), queue, direction);
            samples.add(Metric.PORT_SUPPRESSED_CALLS, counters.suppressedCalls(), port.name(), queue, direction);
        }
        if (port instanceof GuestPort || reading.in()) { // an uplink has no buffers for frames that leave
            samples.add(Metric.PORT_RING_SIZE, reading.size(), port.name(), queue, direction);
            samples.add(Metric.PORT_RING_AVAILABLE, reading.available(), port.name(), queue, direction);
            samples.add(Metric.PORT_RING_IN_FLIGHT, reading.inFlight(), port.name(), queue, direction);
        }
    }

    private static String direction(final QueueReading reading) {
        return reading.in() ? "in" : "out";
    }

    private static ClassicHistogramBuckets buckets(final long[] lengths) {
        final double[] bounds = new double[lengths.length];
        Arrays.setAll(bounds, i -> i < lengths.length - 1 ? FrameKinds.longest(i) : Double.POSITIVE_INFINITY);
        return ClassicHistogramBuckets.of(bounds, lengths);
    }

    private static void addMirror(final Samples samples, final Mirror mirror) {
        final PortStatistics copies = mirror.statistics();
        samples.add(Metric.MIRROR_FRAMES, copies.outFrames(), mirror.name());
        samples.add(Metric.MIRROR_BYTES, copies.outBytes(), mirror.name());
        for (final DropReason reason : REASONS) {
            if (reason.isCountedAtReceiver() || copies.drops().containsKey(reason)) {
                samples.add(Metric.MIRROR_DROPS, copies.drops().getOrDefault(reason, 0L), mirror.name(),
                    reason.label());
            }
        }
    }

    private static void addWorker(final Samples samples, final WorkerCounters worker) {
        final String index = Integer.toString(worker.index());
        samples.add(Metric.WORKER_BUSY, worker.busySeconds(), index);
        samples.add(Metric.WORKER_IDLE, worker.idleSeconds(), index);
        samples.add(Metric.WORKER_CYCLES, worker.busyTicks(), index);
        samples.add(Metric.WORKER_FRAMES, worker.deliveredFrames(), index);
        samples.add(Metric.WORKER_POLLS, worker.polls(), index);
        samples.add(Metric.WORKER_POLLED_FRAMES, worker.polledFrames(), index);
        samples.add(Metric.WORKER_LONGEST_CYCLE, worker.longestCycleSeconds(), index);
        samples.add(Metric.WORKER_STALLS, worker.stalls(), index);
    }

    private static void addTable(final Samples samples, final ForwardingTable table) {
        samples.add(Metric.FDB_STATIONS, table.size());
        samples.add(Metric.FDB_CAPACITY, table.capacity());
        samples.add(Metric.FDB_LEARNED, table.counters().allLearned());
        samples.add(Metric.FDB_MOVED, table.counters().allMoved());
        samples.add(Metric.FDB_EVICTED, table.counters().allEvicted());
        samples.add(Metric.FDB_AGED, table.counters().allAged());
    }
}
