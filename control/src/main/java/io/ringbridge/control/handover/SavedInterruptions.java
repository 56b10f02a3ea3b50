package io.ringbridge.control.handover;

import io.ringbridge.datapath.port.Interruption;
import io.ringbridge.datapath.port.InterruptionCause;
import io.ringbridge.datapath.port.Port;

import java.util.ArrayList;
import java.util.List;

/** Moves a port's latest interruptions from one process to another on the same host, ongoing ones included. */
public final class SavedInterruptions {
    private static final int MOST = 1024;

    private SavedInterruptions() {
    }

    /** Writes the section with the interruptions of a port. */
    public static void save(final Port port, final StateWriter out) {
        out.section(HandOverSections.INTERRUPTIONS, section -> saveAll(port.interruptions(), section));
    }

    private static void saveAll(final List<Interruption> interruptions, final StateWriter out) {
        out.number(interruptions.size());
        interruptions.forEach(each ->
            out.text(each.cause().label()).wide(each.start()).wide(each.nanos()).flag(each.ongoing()));
    }

    /** Makes a port continue from the saved interruptions, if there are any. */
    public static void restore(final Port port, final Sections in) {
        in.find(HandOverSections.INTERRUPTIONS).ifPresent(section -> port.continueInterruptions(read(section)));
    }

    private static List<Interruption> read(final StateReader in) {
        final List<Interruption> interruptions = new ArrayList<>();
        for (int left = in.count(MOST); left > 0; left--) {
            final String label = in.text();
            final long start = in.wide();
            final long nanos = in.wide();
            final boolean ongoing = in.flag();
            // Skips a cause that only the other version knows.
            InterruptionCause.of(label)
                .ifPresent(cause -> interruptions.add(new Interruption(cause, start, nanos, ongoing)));
        }
        return interruptions;
    }
}
