package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.bridge.ForwardingTable;
import io.ringbridge.datapath.port.PortList;

import java.util.function.LongSupplier;

/**
 * The state that all workers of a datapath share, those of today and those that replace them.
 *
 * @param latencySample the number of frames per latency sample, or 0 for none
 * @param nanoClock a clock that all threads may read
 * @param startNanos the time of the datapath's start by that clock
 */
record WorkerContext(ForwardingTable table, PortList ports, int latencySample, LongSupplier nanoClock,
                     long startNanos) {
    static final long NANOS_PER_SECOND = 1_000_000_000L;

    /** Returns the number of seconds since the start, the clock of the stations' ages. */
    int now() {
        return (int) ((nanoClock.getAsLong() - startNanos) / NANOS_PER_SECOND);
    }
}
