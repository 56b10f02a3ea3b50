package io.ringbridge.bench.trial;

import org.junit.jupiter.api.Test;

import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

class SeriesTest {
    private final Series<String, Run> series = new Series<>(2);

    private record Run(int number, Conditions conditions) implements Judged {
    }

    private void add(final String load, final int number, final double steal, final double... line) {
        series.add(load, new Run(number, new Conditions(Spread.of(line), null, null, steal, 0, 0, 0)));
    }

    private List<Integer> counting(final String load) {
        return series.counting(load).stream().map(Run::number).toList();
    }

    @Test
    void aDisturbedTrialIsRepeated() {
        add("50%", 1, 0, 60);
        add("50%", 2, 0.04, 60);
        assertFalse(series.isComplete("50%"));
        add("50%", 3, 0, 62);
        assertTrue(series.isComplete("50%"));
        assertEquals(List.of(1, 3), counting("50%"));
    }

    @Test
    void onlyTrialsInOneStateCount() {
        add("50%", 1, 0, 60);
        add("50%", 2, 0, 300);
        assertFalse(series.isComplete("50%"));
        add("50%", 3, 0, 310);
        assertTrue(series.isComplete("50%"));
        assertEquals(List.of(2, 3), counting("50%"));
        add("90%", 4, 0, 61);
        add("90%", 5, 0, 63);
        add("50%", 6, 0, 60);
        assertEquals(List.of(1, 6), counting("50%"), "the state in which more loads are complete");
        assertTrue(series.isComplete(List.of("50%", "90%")));
    }

    @Test
    void ifAllTrialsAreDisturbedAllCount() {
        add("50%", 1, 0.04, 60);
        add("50%", 2, 0, 60, 300);
        assertEquals(List.of(), series.good("50%"));
        assertEquals(List.of(1, 2), counting("50%"));
        assertFalse(series.isComplete("50%"));
        assertFalse(series.isComplete("another"));
    }
}
