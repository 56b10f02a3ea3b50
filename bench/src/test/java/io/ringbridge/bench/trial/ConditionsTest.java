package io.ringbridge.bench.trial;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

class ConditionsTest {
    private static List<String> disturbances(final @Nullable Spread line, final @Nullable Spread clock,
        final double steal, final double waited, final long migrations, final double compiling) {
        return new Conditions(line, clock, null, steal, waited, migrations, compiling).disturbances();
    }

    @Test
    void aQuietTrialIsGood() {
        assertEquals(List.of(), disturbances(Spread.of(60, 70, 80), Spread.of(3.7, 3.6), 0.009, 0.015, 0, 0.05));
        assertEquals(List.of(), disturbances(null, null, 0, 0, 0, 0));
    }

    @Test
    void eachDisturbanceIsNamedWithItsSize() {
        assertEquals(List.of("steal 1.5 %"), disturbances(null, null, 0.015, 0, 0, 0));
        assertEquals(List.of("waited for a processor 30.0 %"), disturbances(null, null, 0, 0.3, 0, 0));
        assertEquals(List.of("1 migration"), disturbances(null, null, 0, 0, 1, 0));
        assertEquals(List.of("compiling 40.0 %"), disturbances(null, null, 0, 0, 0, 0.4));
        assertEquals(List.of("the host moved the processors"), disturbances(Spread.of(60, 300), null, 0, 0, 0, 0));
        assertEquals(List.of("the clock changed"), disturbances(null, Spread.of(3.7, 2.6), 0, 0, 0, 0));
        assertEquals(2, disturbances(null, null, 0.5, 0.5, 0, 0).size());
    }

    @Test
    void quartilesAreInterpolated() {
        assertEquals(new Spread(4, 1, 1.75, 2.5, 3.25, 4), Spread.of(4, 1, Double.NaN, 3, 2));
        assertEquals(new Spread(1, 7, 7, 7, 7, 7), Spread.of(7));
        assertNull(Spread.of(Double.NaN, Double.POSITIVE_INFINITY));
        assertEquals("2.50 (1.75-3.25)", new Spread(4, 1, 1.75, 2.5, 3.25, 4).text(2));
        assertEquals("7", new Spread(1, 7, 7, 7, 7, 7).text(0));
    }
}
