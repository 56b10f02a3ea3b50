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
 * One look at a guest's port. Numbers count since its front-end is attached.
 *
 * @param state how far it has come
 * @param suspendedBy why it is suspended; empty if it is not, or if the front-end has stopped its rings
 * @param enabled whether a ring that runs is enabled
 * @param taken chains that were taken from transmit queues, whatever became of them
 * @param delivered frames that the guest was given
 * @param unbuffered frames for which the guest had no buffer
 * @param kicks notifications of transmit queues that were heard
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
            moved.outFrames(), moved.drops().getOrDefault(DropReason.NO_BUFFER, 0L), port.kicks(), port.features() != 0);
    }
}
