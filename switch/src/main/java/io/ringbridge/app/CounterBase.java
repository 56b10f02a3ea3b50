package io.ringbridge.app;

import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.PortStatistics;
import io.ringbridge.datapath.port.QueueStatus;

import java.util.List;

/**
 * The counters of a port at the time of their last reset. The port's own counters never decrease; views subtract these.
 *
 * @param ofQueues in the order of the queues; a queue that started later has none
 */
record CounterBase(PortStatistics ofPort, List<PortStatistics> ofQueues) {
    /** The counters were never reset. */
    static final CounterBase NONE = new CounterBase(PortStatistics.NONE, List.of());

    static CounterBase of(final Port port) {
        return new CounterBase(port.statistics(), port.queues().stream().map(QueueStatus::statistics).toList());
    }

    /** Returns what a port has counted since. */
    PortStatistics since(final Port port) {
        return port.statistics().minus(ofPort);
    }

    /**
     * Returns what a queue has counted since.
     *
     * @param place the place of the queue among those of its port
     */
    PortStatistics since(final QueueStatus queue, final int place) {
        return place < ofQueues.size() ? queue.statistics().minus(ofQueues.get(place)) : queue.statistics();
    }
}
