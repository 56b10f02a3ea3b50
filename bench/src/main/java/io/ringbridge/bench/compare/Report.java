package io.ringbridge.bench.compare;

import io.ringbridge.bench.trial.Spread;
import io.ringbridge.bench.trial.State;
import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** All trials, and the comparison derived from them: one result per load, system and state of the machine. */
final class Report {
    private final List<Contender> contenders;
    private final int wanted;
    private final List<Trial> trials = new ArrayList<>();

    /** Takes the systems, and the number of good trials that each needs. */
    Report(final List<Contender> contenders, final int wanted) {
        this.contenders = contenders;
        this.wanted = wanted;
    }

    /**
     * The trials of a system with a load in one state: the good ones, or all if there are none.
     *
     * @param disturbed whether the trials were disturbed
     */
    record Result(State<Trial> state, Work work, Contender contender, List<Trial> trials, boolean disturbed) {
        Spread rate() {
            return spread(Spread.of(trials, Trial::rate));
        }

        Spread limit() {
            return spread(Spread.of(trials, Trial::limit));
        }

        Spread shareOfLimit() {
            return spread(Spread.of(trials, Trial::shareOfLimit));
        }

        private static Spread spread(final @Nullable Spread found) {
            assert found != null : "a result has at least one trial, and a rate is finite";
            return found;
        }
    }

    void add(final Trial trial) {
        trials.add(trial);
    }

    List<Contender> contenders() {
        return contenders;
    }

    List<Trial> trials() {
        return trials;
    }

    List<Work> works() {
        return trials.stream().map(Trial::work).distinct().toList();
    }

    /** Groups the trials by the state of the machine. */
    List<State<Trial>> states() {
        return State.group(trials, trial -> trial.measurement().conditions());
    }

    /** Whether, in one state, every system has enough good trials with every load. */
    boolean isComplete() {
        return !trials.isEmpty() && states().stream().anyMatch(state -> works().stream().allMatch(work ->
            contenders.stream().filter(contender -> contender.does(work.kind()))
                .allMatch(contender -> good(state, work, contender).size() >= wanted)));
    }

    private static List<Trial> all(final State<Trial> state, final Work work, final Contender contender) {
        return state.trials().stream().filter(trial -> trial.work().equals(work) && trial.contender() == contender)
            .toList();
    }

    private static List<Trial> good(final State<Trial> state, final Work work, final Contender contender) {
        return all(state, work, contender).stream().filter(trial -> trial.measurement().isGood()).toList();
    }

    /** Returns the result of a system, or null if it has no trial with this load in this state. */
    @Nullable Result result(final State<Trial> state, final Work work, final Contender contender) {
        final List<Trial> good = good(state, work, contender);
        if (!good.isEmpty()) {
            return new Result(state, work, contender, good, false);
        }
        final List<Trial> all = all(state, work, contender);
        return all.isEmpty() ? null : new Result(state, work, contender, all, true);
    }

    /** Returns the ratio of this switch's median rate to another system's, or null if one of them is missing. */
    @Nullable Double ratio(final State<Trial> state, final Work work, final Contender other) {
        final Result ours = result(state, work, Contender.RINGBRIDGE);
        final Result theirs = result(state, work, other);
        return ours == null || theirs == null ? null : ours.rate().median() / theirs.rate().median();
    }

    /** Returns the number of frames that a system lost in all its trials. */
    long lost(final Contender contender) {
        return lost(trials.stream().filter(trial -> trial.contender() == contender));
    }

    /** Returns the number of frames that a system lost with a load, in all states. */
    long lost(final Work work, final Contender contender) {
        return lost(trials.stream().filter(trial -> trial.contender() == contender && trial.work().equals(work)));
    }

    private static long lost(final Stream<Trial> of) {
        return of.mapToLong(trial -> trial.measurement().lost()).sum();
    }

    /** Returns the systems with which this switch is compared. */
    List<Contender> others() {
        return contenders.stream().filter(contender -> contender != Contender.RINGBRIDGE).toList();
    }
}
