package io.ringbridge.control.uplink;

import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.HandOverSections;
import io.ringbridge.control.handover.Sections;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.datapath.port.UplinkPort;
import io.ringbridge.datapath.port.UplinkQueue;

import java.util.ArrayList;
import java.util.List;

/**
 * Moves frames that were read from a device, but not forwarded, from one process to another. Called by the thread that
 * performs the hand-over.
 */
final class SavedFrames {
    private SavedFrames() {
    }

    static void save(final List<byte[]> frames, final StateWriter out) {
        out.number(frames.size());
        frames.forEach(out::bytes);
    }

    static List<byte[]> restore(final int most, final StateReader in) {
        final List<byte[]> frames = new ArrayList<>();
        for (int left = in.count(most); left > 0; left--) {
            frames.add(in.bytes());
        }
        return frames;
    }

    /**
     * Writes the frames that each queue of a port has read.
     *
     * @param wanted false if the other process receives no device, or if the port is not parked, and its worker owns
     * the frames; none are written then
     */
    static void saveReady(final UplinkPort port, final boolean wanted, final StateWriter out) {
        if (wanted) {
            final List<List<byte[]>> ready = port.ready();
            out.section(HandOverSections.FRAMES, section -> {
                section.number(ready.size());
                ready.forEach(frames -> save(frames, section));
            });
        }
    }

    /**
     * Gives a port's queues the frames that they had read in another process.
     *
     * @param isOpen whether the port has a device; without one, no queue can have read a frame
     * @throws HandOverException if the frames do not fit the queues
     */
    static void restoreReady(final UplinkPort port, final boolean isOpen, final Sections in) {
        in.find(HandOverSections.FRAMES).ifPresent(section -> restoreReady(port, isOpen, section));
    }

    private static void restoreReady(final UplinkPort port, final boolean isOpen, final StateReader in) {
        final int queues = port.queues().size();
        if (in.number() != queues) {
            throw new HandOverException("the state has frames for a number of queues other than the " + queues
                + " of this port");
        }
        final List<List<byte[]>> ready = new ArrayList<>();
        for (int i = 0; i < queues; i++) {
            ready.add(restore(Integer.MAX_VALUE, in));
            if (!UplinkQueue.canBeReady(ready.getLast()) || !isOpen && !ready.getLast().isEmpty()) {
                throw new HandOverException("the state has frames that no queue can have read");
            }
        }
        if (isOpen) {
            port.ready(ready);
        }
    }
}
