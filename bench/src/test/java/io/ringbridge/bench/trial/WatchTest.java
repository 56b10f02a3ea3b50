package io.ringbridge.bench.trial;

import io.ringbridge.bench.machine.Machine;
import org.junit.jupiter.api.Test;

import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The measurements of the machine give plausible numbers on whatever machine runs this test. */
class WatchTest {
    private static final int CPU = Machine.cpus().getFirst();

    private static void work(final long nanos) {
        final long start = System.nanoTime();
        while (System.nanoTime() - start < nanos) {
            Thread.onSpinWait();
        }
    }

    @Test
    void theSpeedOfTheProcessorsIsMeasured() {
        final Watch watch = new Watch(new Probe(CPU, CPU), List.of(CPU), List.of());
        watch.sample();
        watch.sample();
        final Conditions found = watch.conditions();
        assertNull(found.lineNanos(), "with one processor, there is no distance");
        final Spread clock = found.clockGhz();
        final Spread operations = found.operationsPerNano();
        assertTrue(clock != null && clock.count() == 2 && clock.median() > 0.1 && clock.median() < 10,
            found::toString);
        assertTrue(operations != null && operations.median() > clock.median(), "a processor completes several at once");
    }

    @Test
    void theWaitsOfBusyThreadsCount() {
        final Watch watch = new Watch(new Probe(CPU, CPU), List.of(CPU), List.of(ProcessHandle.current().pid()));
        watch.start();
        work(50_000_000);
        watch.stop();
        watch.add("a thread that has ended", new ThreadTimes(1_000_000_000_000L, 2_000_000_000_000L, 7));
        watch.add("an idle thread", new ThreadTimes(1, 9_000_000_000_000L, 9));
        final Conditions found = watch.conditions();
        assertTrue(found.waited() > 10, found::toString);
        assertTrue(found.migrations() >= 7 && found.steal() >= 0 && found.compiling() >= 0, found::toString);
        assertTrue(found.disturbances().toString().contains("waited for a processor"), found::toString);
    }

    @Test
    void theKernelCountsTheTimesOfAThread() {
        final ThreadTimes before = ThreadTimes.own();
        work(20_000_000);
        final ThreadTimes times = ThreadTimes.own().since(before);
        assertTrue(times.ranNanos() > 0 && times.waitedNanos() >= 0, times::toString);
        assertEquals(0, ThreadTimes.ofProcess(Long.MAX_VALUE).size());
        assertNotNull(ThreadTimes.ofProcess(ProcessHandle.current().pid()).get(
            Long.toString(ProcessHandle.current().pid())), "the main thread has the ID of the process");
    }

    @Test
    void longerCopiesTakeLonger() {
        try (CopyLimit limit = new CopyLimit(CPU, 64, 9000)) {
            final double small = limit.nanos(64);
            final double large = limit.nanos(9000);
            assertTrue(small > 0 && large > small, small + " and " + large);
        }
    }
}
