package io.ringbridge.bench.load;

import io.ringbridge.bench.trial.Probe;
import io.ringbridge.bench.trial.Spread;
import io.ringbridge.bench.trial.Watch;

import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.function.Predicate;

/** Runs trials with a rig, and observes the machine during each. Owned by the rig's thread. */
public final class Observer {
    private static final int MAX_SLICES = 10;
    private static final double SETTLED = 1.05;
    private static final int ATTEMPTS = 3;

    private final Rig rig;
    private final Probe probe;
    private final Collection<Integer> cpus;
    private final List<Long> processes;
    private boolean isWarm = true;

    /**
     * Prepares to observe.
     *
     * @param cpus the processors that the trials use
     * @param pid the process ID of the back-end, or 0 if it is unknown
     */
    public Observer(final Rig rig, final Probe probe, final Collection<Integer> cpus, final long pid) {
        this.rig = rig;
        this.probe = probe;
        this.cpus = cpus;
        processes = pid == 0 ? List.of() : List.of(pid);
    }

    /**
     * The warm-up before the first trial.
     *
     * @param seconds its length
     * @param framesPerSecond the rates of its parts, at saturation
     * @param isSettled whether the rate of the last part was at most 5 % higher than any before
     */
    public record WarmUp(double seconds, List<Double> framesPerSecond, boolean isSettled) {
    }

    /**
     * Sends as many frames as the back-end accepts for that long, and further until the rate no longer rises, but at
     * most five times as long.
     */
    public WarmUp warmUp(final FrameMix mix, final Duration duration) throws InterruptedException {
        final Duration part = duration.dividedBy(2);
        final List<Double> rates = new ArrayList<>();
        double best = 0;
        boolean isSettled = part.isZero();
        while (!isSettled && rates.size() < MAX_SLICES) {
            final double rate = rig.run(Load.saturation(mix, part)).receivedPerSecond();
            isSettled = !rates.isEmpty() && rate <= SETTLED * best;
            best = Math.max(best, rate);
            rates.add(rate);
        }
        isWarm = isSettled;
        return new WarmUp(rates.size() * part.toNanos() / 1e9, rates, isSettled);
    }

    /** Runs one trial. */
    public Trial run(final Load load, final Notified notified, final Recording recording) throws InterruptedException {
        final String time = Instant.now().truncatedTo(ChronoUnit.MILLIS).toString();
        final Watch watch = new Watch(probe, cpus, processes);
        watch.sample();
        watch.start();
        final Outcome outcome = rig.run(load, notified, recording);
        watch.stop();
        watch.sample();
        for (int i = 0; i < outcome.threads().size(); i++) {
            watch.add("load " + i, outcome.threads().get(i));
        }
        return new Trial(time, outcome, watch.conditions(), isWarm);
    }

    /**
     * Repeats a trial while it was disturbed and is not accepted, at most three times in all.
     *
     * @return all trials
     */
    public List<Trial> runUntil(final Load load, final Notified notified, final Recording recording,
        final Predicate<Outcome> accepted) throws InterruptedException {
        final List<Trial> trials = new ArrayList<>();
        do {
            trials.add(run(load, notified, recording));
        } while (trials.size() < ATTEMPTS && !accepted.test(trials.getLast().outcome())
            && !trials.getLast().disturbances().isEmpty());
        return trials;
    }

    /** Returns the rates at which the frames of several trials were received. */
    public static Spread received(final List<Trial> trials) {
        final Spread found = Spread.of(trials, trial -> trial.outcome().receivedPerSecond());
        assert found != null : "a rate is finite";
        return found;
    }
}
