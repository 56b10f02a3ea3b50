package io.ringbridge.app.diagnosis;

import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.PortStatistics;

import java.util.Map;
import java.util.stream.Collectors;

/** The checks of the frames of any port. */
final class PortChecks {
    /** Of 100 frames, this many may be dropped without being a problem. */
    private static final int FEW_PERCENT = 1;
    private static final int PERCENT = 100;

    private PortChecks() {
    }

    static Check frames(final PortStatistics moved) {
        final String text = moved.inFrames() + " frames in, " + moved.outFrames() + " out";
        if (moved.inFrames() > 0 && moved.outFrames() > 0) {
            return Check.ok("frames", text);
        }
        return Check.unknown("frames", text + (moved.inFrames() == 0 ? ": nothing has been received from it yet"
            : ": nothing was sent to it yet"));
    }

    static Check drops(final PortStatistics moved) {
        final long drops = moved.drops().values().stream().mapToLong(Long::longValue).sum();
        if (drops == 0) {
            return Check.ok("drops", "none");
        }
        final String text = moved.drops().entrySet().stream().filter(drop -> drop.getValue() > 0)
            .map(PortChecks::drop).collect(Collectors.joining("; "));
        final long all = drops + moved.inFrames() + moved.outFrames();
        return PERCENT * drops > FEW_PERCENT * all ? Check.problem("drops", text)
            : Check.ok("drops", "fewer than 1 % of the frames: " + text);
    }

    private static String drop(final Map.Entry<DropReason, Long> drop) {
        return drop.getKey().label() + ' ' + drop.getValue() + " (" + DropMeaning.of(drop.getKey()) + ')';
    }
}
