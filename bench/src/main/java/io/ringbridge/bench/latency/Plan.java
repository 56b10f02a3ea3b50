package io.ringbridge.bench.latency;

import io.ringbridge.bench.load.FrameMix;
import io.ringbridge.bench.load.Load;
import io.ringbridge.bench.load.Notified;
import io.ringbridge.bench.load.Recording;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Lists the measurements of a back-end.
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

    /**
     * The rate of a load.
     *
     * @param name the name of the load
     * @param framesPerSecond the rate, if it is fixed
     * @param share the share of the maximum in percent; 0 if the rate is fixed
     */
    record Rate(String name, double framesPerSecond, int share) {
        boolean isShare() {
            return share > 0;
        }

        double of(final Maximum maximum) {
            return Math.max(1, maximum.framesPerSecond() * share / PERCENT);
        }
    }

    /** Returns the rates of the loads of each way of receiving. */
    List<Rate> loads() {
        if (!rates.isEmpty()) {
            return rates.stream().map(rate -> new Rate(rate + "/s", rate, 0)).toList();
        }
        final List<Rate> loads = new ArrayList<>();
        loads.add(new Rate("no load", idleRate, 0));
        for (final int share : SHARES) {
            loads.add(new Rate(share + "%", 0, share));
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
