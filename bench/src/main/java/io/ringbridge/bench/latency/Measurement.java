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
import io.ringbridge.bench.trial.Conditions;
import io.ringbridge.bench.trial.Probe;
import io.ringbridge.bench.trial.Series;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

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
    private final Series<Case, LoadTrial> series;
    private final Map<String, Setup> setups = new LinkedHashMap<>();
    private final Map<String, Observer.WarmUp> warmUps = new LinkedHashMap<>();
    private final Maxima maxima = new Maxima();
    /** The conditions of the latest trial; null before the first. */
    private @Nullable Conditions latest;

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

    Series<Case, LoadTrial> series() {
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

    /** Returns the maxima; none if rates were given. */
    Maxima maxima() {
        return maxima;
    }

    boolean isComplete() {
        return series.loads().stream().allMatch(this::isComplete);
    }

    /** Whether a load has enough good trials. More trials of an overloaded one would say no more. */
    private boolean isComplete(final Case load) {
        return series.isComplete(load) || isOverloaded(load) && series.all(load).stream()
            .filter(trial -> trial.isAsNamed() && trial.outcome().isOverloaded()).count() >= plan.trials();
    }

    /** Whether a load exceeds what the back-end can carry, in half of the trials that count, or more. */
    boolean isOverloaded(final Case load) {
        final List<LoadTrial> counting = series.counting(load);
        final long overloaded = counting.stream().filter(trial -> trial.outcome().isOverloaded()).count();
        return !counting.isEmpty() && 2 * overloaded >= counting.size();
    }

    /** Returns the outcomes of the counting trials without those that were overloaded. */
    List<Outcome> carried(final Case load) {
        return series.counting(load).stream().map(LoadTrial::outcome).filter(outcome -> !outcome.isOverloaded())
            .toList();
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
        maxima.startTurn();
        for (final Notified mode : plan.modes()) {
            for (final Plan.Rate rate : plan.loads()) {
                final Case load = new Case(system, mode, rate.name());
                if (!isComplete(load)) {
                    measure(load, rate, observer);
                }
            }
        }
    }

    private void measure(final Case load, final Plan.Rate rate, final Observer observer) throws InterruptedException {
        final Maximum maximum = rate.isShare() ? maximum(load.system(), load.notified(), observer) : null;
        final LoadTrial trial = new LoadTrial(observer.run(
            plan.load(maximum == null ? rate.framesPerSecond() : rate.of(maximum)), load.notified(),
            plan.recording()), maximum);
        latest = trial.conditions();
        series.add(load, trial);
        final Outcome outcome = trial.outcome();
        final Histogram latency = outcome.latency();
        output.progress("%s: %.1f kframes/s, %d of %d lost, %s; %s%s", load.title(), outcome.sentPerSecond() / 1e3,
            outcome.lost(), outcome.sent(), outcome.isOverloaded() || latency == null ? "overloaded"
                : String.format(Locale.ROOT, "median %.1f us", latency.getValueAtPercentile(50) / 1e3),
            trial.conditions().text(),
            trial.disturbances().isEmpty() ? "" : "; disturbed: " + String.join(", ", trial.disturbances()));
    }

    /**
     * Returns the back-end's maximum for a way of receiving. If none is known in the present state of the machine, it
     * is measured, in a good trial if possible.
     */
    private Maximum maximum(final String system, final Notified mode, final Observer observer)
        throws InterruptedException {
        final Maximum known = maxima.find(system, mode, latest);
        if (known != null) {
            return known;
        }
        final List<Trial> trials = observer.runUntil(plan.saturation(), mode, Recording.WHOLE, _ -> false);
        final Maximum found = Maximum.of(system, mode, trials);
        maxima.add(found);
        latest = found.conditions();
        output.progress("%s, %s: maximum %.3f Mframes/s; %s%s", system, mode.key(),
            found.framesPerSecond() / 1e6, found.conditions().text(),
            found.isGood() ? "" : "; disturbed: " + String.join(", ", found.disturbances()));
        return found;
    }
}
