package io.ringbridge.app.diagnosis;

import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.port.PortStatistics;
import io.ringbridge.datapath.port.SuspendCause;

import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A reading of a guest's port. Counters start when the front-end attaches.
 *
 * @param state the state of the port
 * @param suspendedBy the causes of its suspension; empty if it is not suspended, or if the front-end stopped its rings
 * @param enabled whether any started ring is enabled
 * @param taken the chains taken from transmit queues, including dropped frames
 * @param delivered the frames delivered to the guest
 * @param unbuffered the frames for which the guest had no buffer
 * @param kicks the kicks received for transmit queues
 * @param negotiated whether a driver has negotiated features
 */
record PortReading(PortState state, List<String> suspendedBy, boolean enabled, long taken, long delivered,
                   long unbuffered, long kicks, boolean negotiated) {
    /** Drops that are counted where a frame leaves the switch. */
    private static final Set<DropReason> AT_RECEIVER = EnumSet.of(DropReason.PORT_SUSPENDED, DropReason.MTU_EXCEEDED,
        DropReason.NO_BUFFER, DropReason.NO_TRANSLATION, DropReason.PAGE_TO_COME,
        DropReason.SMALL_BUFFER, DropReason.BAD_BUFFER);

    static PortReading of(final GuestPort port) {
        final PortStatistics moved = port.sinceAttached();
        final long dropped = moved.drops().entrySet().stream().filter(drop -> !AT_RECEIVER.contains(drop.getKey()))
            .mapToLong(Map.Entry::getValue).sum();
        return new PortReading(port.state(), port.suspendedBy().stream().map(SuspendCause::label).sorted().toList(),
            port.queues().stream().anyMatch(queue -> queue.started() && queue.enabled()), moved.inFrames() + dropped,
            moved.outFrames(), moved.drops().getOrDefault(DropReason.NO_BUFFER, 0L), port.activity().kicks(),
            port.features() != 0);
    }
}
