package io.ringbridge.bench.load;

import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.time.Duration;
import java.util.List;
import java.util.Objects;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

class OutcomeTest {
    private static final FrameMix MIX = FrameMix.parse("64");
    private static final Duration PERIOD = Duration.ofSeconds(2);

    private static Outcome outcome(final Load load, final long sent, final long received) {
        return new Outcome(load, sent, received, received, 0, PERIOD.toNanos(), null, List.of(), List.of());
    }

    @ParameterizedTest
    @CsvSource(textBlock = """
        2000, 2000, false
        1981, 1981, false
        2000, 1981, false
        1979, 1979, true
        2000, 1979, true
        """)
    void aLoadThatCannotBeSentOrIsLostIsOverload(final long sent, final long received, final boolean overloaded) {
        assertEquals(overloaded, outcome(new Load(MIX, 1000, PERIOD), sent, received).isOverloaded());
    }

    @Test
    void saturationIsOverloadOnlyIfFramesAreLost() {
        final Load saturation = Load.saturation(MIX, PERIOD);
        assertEquals(false, outcome(saturation, 5000, 5000).isOverloaded());
        assertEquals(true, outcome(saturation, 5000, 4000).isOverloaded());
    }

    @Test
    void latenciesAreRecordedBySecond() {
        final long start = 5_000_000_000L;
        final Latencies one = Objects.requireNonNull(Latencies.of(Recording.SECONDS, start, Duration.ofMillis(2500)));
        final Latencies other = Objects.requireNonNull(Latencies.of(Recording.SECONDS, start,
            Duration.ofMillis(2500)));
        one.record(start + 1_000, start);
        one.record(start + 999_999_999, start + 999_000_000);
        other.record(start + 1_000_000_000, start);
        other.record(start + 9_000_000_000L, start + 2_400_000_000L);
        final List<Histogram> seconds = Latencies.seconds(List.of(one, other));
        assertEquals(List.of(2L, 1L, 1L), seconds.stream().map(Histogram::getTotalCount).toList(),
            "a frame that is late belongs to the last second");
        final Histogram whole = Objects.requireNonNull(Latencies.whole(List.of(one, other)));
        assertEquals(4, whole.getTotalCount());
        assertEquals(6.6, whole.getMaxValue() / 1e9, 0.01);
        assertNull(Latencies.of(Recording.NONE, start, PERIOD));
        assertNull(Latencies.whole(List.of()));
        assertEquals(List.of(), Latencies.seconds(List.of()));
    }
}
