package io.ringbridge.bench.harness;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class RoundTripTest {
    @Test
    @Timeout(60)
    void isSeenBesideOtherWork() {
        final List<Integer> cpus = Machine.cpus();
        final RoundTrip roundTrip = new RoundTrip(cpus.getFirst(), cpus.getLast());
        assertTrue(Await.holds(Duration.ofSeconds(50), () -> {
            final double nanos = roundTrip.nanos();
            return nanos > 1 && nanos < 2000;
        }), "a cache line goes there and back in 1 to 2000 ns");
    }
}
