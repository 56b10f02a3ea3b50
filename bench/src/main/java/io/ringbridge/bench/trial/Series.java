package io.ringbridge.bench.trial;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The trials of several loads, until each load has enough good ones in one state of the machine.
 *
 * @param <K> what identifies a load
 * @param <T> a trial
 */
public final class Series<K, T extends Judged> {
    private final int wanted;
    private final Map<K, List<T>> trials = new LinkedHashMap<>();

    /** Takes the number of good trials that each load needs. */
    public Series(final int wanted) {
        this.wanted = wanted;
    }

    /** Records a trial. */
    public void add(final K load, final T trial) {
        trials.computeIfAbsent(load, _ -> new ArrayList<>()).add(trial);
    }

    /** Returns the loads, in the order of their first trials. */
    public List<K> loads() {
        return List.copyOf(trials.keySet());
    }

    /** Returns all trials of a load. */
    public List<T> all(final K load) {
        return trials.getOrDefault(load, List.of());
    }

    /** Returns all states of the machine during these trials. */
    public List<State<T>> states() {
        return State.group(trials.values().stream().flatMap(List::stream).toList(), Judged::conditions);
    }

    /** Returns the state in which most loads have enough good trials, or null if all trials belong to none. */
    public @Nullable State<T> mainState() {
        return states().stream().max(Comparator.<State<T>>comparingLong(state -> loads().stream()
            .filter(load -> good(load, state).size() >= wanted).count())
            .thenComparingLong(state -> loads().stream().mapToLong(load -> good(load, state).size()).sum()))
            .orElse(null);
    }

    private List<T> good(final K load, final State<T> state) {
        return all(load).stream().filter(trial -> trial.disturbances().isEmpty() && state.trials().contains(trial))
            .toList();
    }

    /** Returns the good trials of a load in the main state. */
    public List<T> good(final K load) {
        final State<T> state = mainState();
        return state == null ? List.of() : good(load, state);
    }

    /** Returns the trials of a load that count: the good ones, or all if there are none. */
    public List<T> counting(final K load) {
        final List<T> good = good(load);
        return good.isEmpty() ? all(load) : good;
    }

    /** Whether a load has enough good trials. */
    public boolean isComplete(final K load) {
        return good(load).size() >= wanted;
    }

    /** Whether each of these loads has enough good trials in one state. */
    public boolean isComplete(final List<K> of) {
        return of.stream().allMatch(this::isComplete);
    }
}
