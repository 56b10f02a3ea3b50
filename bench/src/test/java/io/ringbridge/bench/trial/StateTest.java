package io.ringbridge.bench.trial;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import java.util.List;
import java.util.function.Function;
import java.util.stream.DoubleStream;

import static org.junit.jupiter.api.Assertions.assertEquals;

class StateTest {
    private static Conditions conditions(final double line, final double clock, final double operations,
        final double steal) {
        return new Conditions(Spread.of(line), Spread.of(clock), Spread.of(operations), steal, 0, 0, 0);
    }

    private static Conditions line(final double line) {
        return conditions(line, 3.7, 12, 0);
    }

    private static List<List<Conditions>> groups(final Conditions... trials) {
        return State.group(List.of(trials), Function.identity()).stream().map(State::trials).toList();
    }

    @Test
    void trialsWithSimilarDistancesAreInOneState() {
        assertEquals(List.of(List.of(line(60), line(80), line(50)), List.of(line(300), line(220), line(360))),
            groups(line(300), line(60), line(220), line(80), line(50), line(360)));
    }

    @Test
    void thereAreAsManyStatesAsTheMachineShows() {
        final Conditions[] trials = DoubleStream.of(30, 60, 120, 240, 480, 31, 121).mapToObj(StateTest::line)
            .toArray(Conditions[]::new);
        final List<State<Conditions>> states = State.group(List.of(trials), Function.identity());
        assertEquals(List.of("A", "B", "C", "D", "E"), states.stream().map(State::name).toList());
        assertEquals(List.of(2, 1, 2, 1, 1), states.stream().map(state -> state.trials().size()).toList());
        assertEquals(List.of(), groups());
    }

    @Test
    void aTrialBetweenTwoGroupsJoinsThem() {
        assertEquals(2, groups(line(100), line(200)).size());
        assertEquals(1, groups(line(100), line(200), line(140)).size());
    }

    @Test
    void clockSharedCoresAndStealDistinguishStates() {
        assertEquals(2, groups(line(60), conditions(60, 3.0, 12, 0)).size());
        assertEquals(2, groups(line(60), conditions(60, 3.7, 7, 0)).size());
        assertEquals(2, groups(line(60), conditions(60, 3.7, 12, 0.2)).size());
        assertEquals(1, groups(line(60), conditions(62, 3.6, 11.5, 0.02)).size());
    }

    @Test
    void aTrialWhoseProcessorsMovedIsInNoState() {
        final Conditions moved = new Conditions(Spread.of(60, 300), null, null, 0, 0, 0, 0);
        assertEquals(List.of(List.of(line(60))), groups(line(60), moved));
    }

    @Test
    void withOneProcessorThereIsNoDistance() {
        final @Nullable Spread none = Spread.of(Double.NaN);
        final Conditions one = new Conditions(none, Spread.of(3.7), Spread.of(12), 0, 0, 0, 0);
        assertEquals(List.of(List.of(one, one)), groups(one, one));
        assertEquals("A: a cache line there and back in - ns, clock 3.7 GHz, 12.0 operations per ns, steal 0.0 %",
            State.group(List.of(one), Function.identity()).getFirst().text());
    }
}
