package io.ringbridge.bench.trial;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;

/**
 * Trials that found the machine in the same state, and are therefore comparable.
 *
 * <p>Two trials are neighbours if their conditions are {@linkplain Conditions#isNear near} each other. A state has all
 * trials that are connected through neighbours, so the number of states is whatever the machine shows.
 *
 * @param name a letter; A has the shortest round trip
 * @param trials the trials, in the order given
 */
public record State<T>(String name, @Nullable Spread lineNanos, @Nullable Spread clockGhz,
    @Nullable Spread operationsPerNano, Spread steal, List<T> trials) {
    private static final double PERCENT = 100;

    /** Groups trials. Omits those during which the processors moved. */
    public static <T> List<State<T>> group(final List<T> trials, final Function<? super T, Conditions> conditions) {
        final List<List<T>> groups = new ArrayList<>();
        for (final T trial : trials) {
            final Conditions own = conditions.apply(trial);
            if (own.hasMoved()) {
                continue;
            }
            final List<List<T>> near = groups.stream().filter(group -> group.stream()
                .anyMatch(other -> own.isNear(conditions.apply(other)))).toList();
            groups.removeAll(near);
            final List<T> joined = new ArrayList<>();
            near.forEach(joined::addAll);
            joined.add(trial);
            groups.add(joined);
        }
        groups.forEach(group -> group.sort(Comparator.comparingInt(trials::indexOf)));
        groups.sort(Comparator.comparingDouble(group -> line(group, conditions)));
        final List<State<T>> states = new ArrayList<>();
        for (final List<T> group : groups) {
            states.add(of(name(states.size()), group, conditions));
        }
        return states;
    }

    private static String name(final int index) {
        final int letters = 'Z' - 'A' + 1;
        return (index < letters ? "" : name(index / letters - 1)) + (char) ('A' + index % letters);
    }

    private static <T> double line(final List<T> group, final Function<? super T, Conditions> conditions) {
        final Spread line = Spread.of(group, trial -> median(conditions.apply(trial).lineNanos()));
        return line == null ? 0 : line.median();
    }

    private static <T> State<T> of(final String name, final List<T> group,
        final Function<? super T, Conditions> conditions) {
        final Spread steal = Spread.of(group, trial -> conditions.apply(trial).steal());
        assert steal != null : "a share is finite";
        return new State<>(name, Spread.of(group, trial -> median(conditions.apply(trial).lineNanos())),
            Spread.of(group, trial -> median(conditions.apply(trial).clockGhz())),
            Spread.of(group, trial -> median(conditions.apply(trial).operationsPerNano())), steal,
            List.copyOf(group));
    }

    private static double median(final @Nullable Spread spread) {
        return spread == null ? Double.NaN : spread.median();
    }

    /** Returns a description: the name and the conditions. */
    public String text() {
        return String.format(Locale.ROOT, "%s: a cache line there and back in %s ns, clock %s GHz, %s operations per "
            + "ns, steal %s %%", name, range(lineNanos, 0), range(clockGhz, 1), range(operationsPerNano, 1),
            range(steal.dividedBy(1 / PERCENT), 1));
    }

    /** Returns a short description, for the title of a diagram. */
    public String title() {
        return String.format(Locale.ROOT, "State %s: line %s ns, clock %s GHz, steal %s %%", name, range(lineNanos, 0),
            range(clockGhz, 1), range(steal.dividedBy(1 / PERCENT), 1));
    }

    private static String range(final @Nullable Spread spread, final int digits) {
        if (spread == null) {
            return "-";
        }
        final String format = "%." + digits + "f";
        final String least = String.format(Locale.ROOT, format, spread.least());
        final String most = String.format(Locale.ROOT, format, spread.most());
        return least.equals(most) ? least : least + " to " + most;
    }
}
