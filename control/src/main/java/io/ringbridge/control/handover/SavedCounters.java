package io.ringbridge.control.handover;

import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.PortStatistics;
import io.ringbridge.datapath.port.QueueStatus;
import io.ringbridge.datapath.port.UplinkPort;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** Moves a port's counters, its own and those of each queue, from one process to another. */
public final class SavedCounters {
    private SavedCounters() {
    }

    /** Writes the section with the counters of a port and of its queues. */
    public static void save(final Port port, final StateWriter out) {
        out.section(HandOverSections.COUNTERS, section -> saveAll(port, section));
    }

    private static void saveAll(final Port port, final StateWriter out) {
        save(port.statistics(), out);
        final List<QueueStatus> queues = port.queues();
        out.number(queues.size());
        queues.forEach(queue -> save(queue.statistics(), out));
    }

    /** Writes counters as fields of a section. */
    public static void save(final PortStatistics statistics, final StateWriter out) {
        out.wide(statistics.inFrames()).wide(statistics.inBytes());
        out.wide(statistics.outFrames()).wide(statistics.outBytes());
        out.number(statistics.drops().size());
        statistics.drops().forEach((reason, count) -> out.text(reason.label()).wide(count));
    }

    /** Makes a port continue from the saved counters, if there are any. The port must not move frames yet. */
    public static void restore(final Port port, final Sections in) {
        in.find(HandOverSections.COUNTERS).ifPresent(section -> restoreAll(port, section));
    }

    private static void restoreAll(final Port port, final StateReader in) {
        final PortStatistics total = read(in);
        final List<PortStatistics> ofQueues = new ArrayList<>();
        for (int left = in.count(2 * Datapath.MAX_QUEUE_PAIRS); left > 0; left--) {
            ofQueues.add(read(in));
        }
        switch (port) {
            case GuestPort guest -> guest.continueFrom(total, ofQueues);
            case UplinkPort uplink when ofQueues.size() == uplink.queues().size() -> uplink.continueFrom(ofQueues);
            default -> throw new HandOverException("the state has counters for " + ofQueues.size()
                + " queues, but the port has " + port.queues().size());
        }
    }

    /** Reads counters that {@link #save(PortStatistics, StateWriter)} has written. */
    public static PortStatistics read(final StateReader in) {
        final long[] counts = {in.wide(), in.wide(), in.wide(), in.wide()};
        final Map<DropReason, Long> drops = new EnumMap<>(DropReason.class);
        for (int left = in.number(); left > 0; left--) {
            final String label = in.text();
            final long count = in.wide();
            // Skips a reason that only the other version knows.
            Arrays.stream(DropReason.values()).filter(reason -> reason.label().equals(label))
                .forEach(reason -> drops.put(reason, count));
        }
        return new PortStatistics(counts[0], counts[1], counts[2], counts[3], drops);
    }
}
