package io.ringbridge.bench.machine;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.time.Duration;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertTrue;

class RoundTripTest {
    @Test
    @Timeout(60)
    void theRoundTripIsMeasuredBesideOtherWork() {
        final List<Integer> cpus = Machine.cpus();
        final RoundTrip roundTrip = new RoundTrip(cpus.getFirst(), cpus.getLast());
        assertTrue(Await.holds(Duration.ofSeconds(50), () -> {
            final double nanos = roundTrip.nanos();
            return nanos > 1 && nanos < 2000;
        }), "the round trip of a cache line takes 1 to 2000 ns");
    }
}
