package io.ringbridge.bench.latency;

import io.ringbridge.bench.load.FrameMix;
import io.ringbridge.bench.load.Load;
import io.ringbridge.bench.load.Notified;
import io.ringbridge.bench.load.Outcome;
import io.ringbridge.bench.load.Trial;
import io.ringbridge.bench.trial.Conditions;
import io.ringbridge.bench.trial.Spread;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import java.time.Duration;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

class MaximaTest {
    private static final String SYSTEM = "Ringbridge";
    private static final Conditions NEAR = conditions(60, 0);
    private static final Conditions FAR = conditions(300, 0);
    private static final Conditions DISTURBED = conditions(60, 0.02);

    private final Maxima maxima = new Maxima();

    private static Conditions conditions(final double line, final double steal) {
        return new Conditions(Spread.of(line), null, null, steal, 0, 0, 0);
    }

    private static Trial trial(final double rate, final Conditions conditions) {
        return new Trial("2026-11-30T12:00:00Z", new Outcome(Load.saturation(FrameMix.parse("64"),
            Duration.ofSeconds(1)), (long) rate, (long) rate, (long) rate, 0, 1_000_000_000, null, List.of(),
            List.of()), conditions, true);
    }

    private static Maximum maximum(final double rate, final Conditions conditions) {
        return Maximum.of(SYSTEM, Notified.BUSY, List.of(trial(rate, conditions)));
    }

    private static List<String> disturbances(final @Nullable Maximum maximum, final Conditions conditions) {
        return new LoadTrial(trial(1, conditions), maximum).disturbances();
    }

    private @Nullable Maximum find(final Conditions now) {
        return maxima.find(SYSTEM, Notified.BUSY, now);
    }

    @Test
    void aMaximumBelongsToAStateOfTheMachine() {
        assertNull(maxima.find(SYSTEM, Notified.BUSY, null));
        final Maximum near = maximum(8e6, NEAR);
        maxima.add(near);
        assertSame(near, find(conditions(70, 0)));
        assertNull(find(FAR));
        final Maximum far = maximum(3e6, FAR);
        maxima.add(far);
        assertSame(far, find(FAR));
        assertSame(near, find(NEAR));
        assertEquals(List.of(near, far), maxima.of(SYSTEM));
    }

    @Test
    void everyBackEndAndWayOfReceivingHasItsOwn() {
        maxima.add(maximum(8e6, NEAR));
        assertNull(maxima.find(SYSTEM, Notified.INTERRUPT, NEAR));
        assertNull(maxima.find("OVS-DPDK", Notified.BUSY, NEAR));
        assertEquals(List.of(), maxima.of("OVS-DPDK"));
    }

    @Test
    void aDisturbedMaximumIsMeasuredAgainInTheNextTurn() {
        final Maximum disturbed = maximum(4e6, DISTURBED);
        maxima.add(disturbed);
        assertSame(disturbed, find(NEAR));
        maxima.startTurn();
        assertNull(find(NEAR));
        final Maximum good = maximum(8e6, NEAR);
        maxima.add(good);
        maxima.startTurn();
        assertSame(good, find(NEAR));
    }

    @Test
    void aMaximumIsTheLastGoodTrialOrTheMedian() {
        assertEquals(8e6, Maximum.of(SYSTEM, Notified.BUSY, List.of(trial(5e6, DISTURBED), trial(8e6, NEAR)))
            .framesPerSecond());
        assertEquals(5e6, Maximum.of(SYSTEM, Notified.BUSY, List.of(trial(5e6, DISTURBED), trial(6e6, DISTURBED),
            trial(1e6, DISTURBED))).framesPerSecond());
    }

    @Test
    void aShareOfAnotherStatesMaximumDoesNotCount() {
        final String reason = "the maximum was measured in another state, or disturbed";
        assertEquals(List.of(), disturbances(maximum(8e6, NEAR), NEAR));
        assertEquals(List.of(reason), disturbances(maximum(8e6, NEAR), FAR));
        assertEquals(List.of(reason), disturbances(maximum(8e6, DISTURBED), NEAR));
        assertEquals(List.of("steal 2.0 %"), disturbances(maximum(8e6, NEAR), DISTURBED));
        assertEquals(List.of(), disturbances(null, FAR), "a fixed rate has no maximum");
    }
}
