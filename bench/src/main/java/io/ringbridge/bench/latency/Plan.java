package io.ringbridge.bench.latency;

import io.ringbridge.bench.load.FrameMix;
import io.ringbridge.bench.load.Load;
import io.ringbridge.bench.load.Notified;
import io.ringbridge.bench.load.Recording;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What is measured of each back-end.
 *
 * @param period the length of a trial
 * @param warmUp the least time of load before the first trial
 * @param rates frames per second of the loads; if empty, the loads are shares of the maximum
 * @param idleRate frames per second that count as no load
 * @param trials good trials per load
 */
record Plan(FrameMix mix, Duration period, Duration warmUp, List<Notified> modes, List<Long> rates, long idleRate,
    int trials, Recording recording) {
    private static final int[] SHARES = {10, 50, 90};
    private static final int PERCENT = 100;

    /** Whether the loads are shares of the maximum. */
    boolean needsMaximum() {
        return rates.isEmpty();
    }

    /**
     * Returns the rate of each load by its name.
     *
     * @param maximum the maximum rate; ignored if rates were given
     */
    Map<String, Double> loads(final double maximum) {
        final Map<String, Double> loads = new LinkedHashMap<>();
        if (!needsMaximum()) {
            rates.forEach(rate -> loads.put(rate + "/s", (double) rate));
            return loads;
        }
        loads.put("no load", (double) idleRate);
        for (final int share : SHARES) {
            loads.put(share + "%", Math.max(1, maximum * share / PERCENT));
        }
        return loads;
    }

    /** Returns a trial's frames at a rate. */
    Load load(final double framesPerSecond) {
        return new Load(mix, framesPerSecond, period);
    }

    /** Returns a trial's frames at saturation. */
    Load saturation() {
        return Load.saturation(mix, period);
    }
}
