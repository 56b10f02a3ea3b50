package io.ringbridge.bench.latency;

import io.ringbridge.bench.backend.Target;
import io.ringbridge.bench.load.Notified;
import io.ringbridge.bench.load.Observer;
import io.ringbridge.bench.load.Outcome;
import io.ringbridge.bench.load.Recording;
import io.ringbridge.bench.load.Rig;
import io.ringbridge.bench.load.Trial;
import io.ringbridge.bench.options.Output;
import io.ringbridge.bench.options.Setup;
import io.ringbridge.bench.options.TargetOptions;
import io.ringbridge.bench.trial.Probe;
import io.ringbridge.bench.trial.Series;
import org.HdrHistogram.Histogram;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Measures the back-ends. A single one runs until all loads have enough good trials. Several take turns, and each is
 * started anew for each of its turns.
 */
final class Measurement {
    private static final int ROUNDS_PER_TRIAL = 3;

    private final TargetOptions options;
    private final Plan plan;
    private final Output output;
    private final Probe probe;
    private final Series<Case, Trial> series;
    private final Map<String, Setup> setups = new LinkedHashMap<>();
    private final Map<String, Observer.WarmUp> warmUps = new LinkedHashMap<>();
    private final Map<String, Map<Notified, Double>> maxima = new LinkedHashMap<>();

    Measurement(final TargetOptions options, final Plan plan, final Output output) {
        this.options = options;
        this.plan = plan;
        this.output = output;
        probe = options.probe();
        series = new Series<>(plan.trials());
    }

    Plan plan() {
        return plan;
    }

    Series<Case, Trial> series() {
        return series;
    }

    /** Returns the set-up of each back-end by its name. */
    Map<String, Setup> setups() {
        return setups;
    }

    /** Returns the last warm-up of each back-end by its name. */
    Map<String, Observer.WarmUp> warmUps() {
        return warmUps;
    }

    /** Returns the maximum rate of each back-end for each way of receiving; none if rates were given. */
    Map<Notified, Double> maxima(final String system) {
        return maxima.getOrDefault(system, Map.of());
    }

    boolean isComplete() {
        return series.loads().stream().allMatch(this::isComplete);
    }

    /** Whether a load has enough good trials. More trials of an overloaded one would say no more. */
    private boolean isComplete(final Case load) {
        return series.isComplete(load) || series.counting(load).size() >= plan.trials() && isOverloaded(load);
    }

    /** Whether a load exceeds what the back-end can carry, in half of the trials that count, or more. */
    boolean isOverloaded(final Case load) {
        final List<Trial> counting = series.counting(load);
        final long overloaded = counting.stream().filter(trial -> trial.outcome().isOverloaded()).count();
        return !counting.isEmpty() && 2 * overloaded >= counting.size();
    }

    /** Returns the outcomes of the counting trials without those that were overloaded. */
    List<Outcome> carried(final Case load) {
        return series.counting(load).stream().map(Trial::outcome).filter(outcome -> !outcome.isOverloaded()).toList();
    }

    void run() throws InterruptedException {
        if (options.backends() == 1) {
            try (Target target = options.open(0); Rig rig = attach(target)) {
                final Observer observer = prepare(target, rig);
                for (int round = 1; round <= rounds(); round++) {
                    measure(options.setup(target, rig.hasHugePages()).target(), observer);
                }
            }
            return;
        }
        for (int round = 1; round <= rounds() && (round == 1 || !isComplete()); round++) {
            for (int i = 0; i < options.backends(); i++) {
                try (Target target = options.open(i); Rig rig = attach(target)) {
                    measure(options.setup(target, rig.hasHugePages()).target(), prepare(target, rig));
                }
            }
        }
    }

    private int rounds() {
        return ROUNDS_PER_TRIAL * plan.trials();
    }

    private Rig attach(final Target target) {
        return Rig.attach(target, options.rings(), plan.mix().longest(), 1, options.cpus());
    }

    private Observer prepare(final Target target, final Rig rig) throws InterruptedException {
        final Setup setup = options.setup(target, rig.hasHugePages());
        final String system = setup.target();
        setups.put(system, setup);
        final Observer observer = new Observer(rig, probe, options.usedCpus(), target.pid());
        if (!plan.warmUp().isZero()) {
            output.progress("%s: warming up", system);
            final Observer.WarmUp warmUp = observer.warmUp(plan.mix(), plan.warmUp());
            warmUps.put(system, warmUp);
            output.progress("%s: warmed up for %.1f s%s", system, warmUp.seconds(),
                warmUp.isSettled() ? "" : "; the rate still rises");
        }
        return observer;
    }

    /** Makes one trial of each load that needs more. */
    private void measure(final String system, final Observer observer) throws InterruptedException {
        for (final Notified mode : plan.modes()) {
            final double maximum = plan.needsMaximum() ? maximum(system, mode, observer) : 0;
            for (final Map.Entry<String, Double> each : plan.loads(maximum).entrySet()) {
                final Case load = new Case(system, mode, each.getKey());
                if (!isComplete(load)) {
                    measure(load, each.getValue(), observer);
                }
            }
        }
    }

    private void measure(final Case load, final double rate, final Observer observer) throws InterruptedException {
        final Trial trial = observer.run(plan.load(rate), load.notified(), plan.recording());
        series.add(load, trial);
        final Outcome outcome = trial.outcome();
        final Histogram latency = outcome.latency();
        output.progress("%s: %.1f kframes/s, %d of %d lost, %s; %s%s", load.title(), outcome.sentPerSecond() / 1e3,
            outcome.lost(), outcome.sent(), outcome.isOverloaded() || latency == null ? "overloaded"
                : String.format(Locale.ROOT, "median %.1f us", latency.getValueAtPercentile(50) / 1e3),
            trial.conditions().text(),
            trial.disturbances().isEmpty() ? "" : "; disturbed: " + String.join(", ", trial.disturbances()));
    }

    /** Returns the back-end's maximum rate for a way of receiving. It is measured once, in a good trial if possible. */
    private double maximum(final String system, final Notified mode, final Observer observer)
        throws InterruptedException {
        final Double known = maxima(system).get(mode);
        if (known != null) {
            return known;
        }
        final List<Trial> trials = observer.runUntil(plan.saturation(), mode, Recording.WHOLE, _ -> false);
        final double found = trials.getLast().disturbances().isEmpty()
            ? trials.getLast().outcome().receivedPerSecond() : Observer.received(trials).median();
        maxima.computeIfAbsent(system, _ -> new LinkedHashMap<>()).put(mode, found);
        output.progress("%s, %s: maximum %.3f Mframes/s", system, new Case(system, mode, "").receive(), found / 1e6);
        return found;
    }
}
