package io.ringbridge.bench.compare;

import io.ringbridge.bench.trial.CopyLimit;
import io.ringbridge.bench.trial.Probe;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The copy limits of the loads: the rates that a processor reaches if it does nothing but copy their frames, between as
 * many buffers as the rings of the load hold.
 */
final class Limits implements AutoCloseable {
    private final List<Kind> kinds;
    private final Collection<Integer> sizes;
    private final CopyLimit frames;
    private final CopyLimit packets;
    private Map<Integer, Double> last = Map.of();

    /** Allocates the pools, and measures for the first time. */
    Limits(final Placement placement, final List<Kind> kinds, final Collection<Integer> sizes) {
        this.kinds = kinds;
        this.sizes = sizes;
        frames = new CopyLimit(placement.switchCpu(), LoopRig.BUFFERS, LoopRig.BUFFER);
        packets = new CopyLimit(placement.switchCpu(), BulkRig.BUFFERS, BulkRig.BUFFER);
        measure();
    }

    /** Measures again. No system may run. */
    void measure() {
        final Map<Integer, Double> found = new LinkedHashMap<>();
        if (kinds.contains(Kind.FRAMES)) {
            sizes.forEach(size -> found.put(size, 1e9 / frames.nanos(size)));
        }
        if (kinds.stream().anyMatch(kind -> kind != Kind.FRAMES)) {
            found.put(0, BulkRig.LARGE_PACKET * Byte.SIZE * 1e9 / packets.nanos(BulkRig.LARGE_PACKET));
        }
        last = found;
    }

    /** Returns the last limit for a load, in the unit of its rate. */
    double of(final Work work) {
        return last.getOrDefault(work.frameSize(), Double.NaN);
    }

    /** Describes the machine and the limits, for the start of a comparison. */
    String text(final Probe.Sample machine) {
        final StringBuilder text = new StringBuilder(String.format(Locale.ROOT,
            "a cache line there and back takes %.0f ns; the clock is %.2f GHz, with %.1f operations per ns",
            machine.lineNanos(), machine.clockGhz(), machine.operationsPerNano()));
        last.forEach((size, rate) -> text.append(size == 0
            ? String.format(Locale.ROOT, "; copies of large packets: %.0f Gbit/s", rate / 1e9)
            : String.format(Locale.ROOT, "; copies of %d bytes: %.1f million/s", size, rate / 1e6)));
        return text.toString();
    }

    @Override
    public void close() {
        frames.close();
        packets.close();
    }
}
