package io.ringbridge.bench.trial;

import org.junit.jupiter.api.Test;
import picocli.CommandLine;

import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

public class EnvironmentTest {
    /** Returns an environment for tests of reports. */
    public static Environment example() {
        return new Environment("2026-11-30T12:00:00Z", "compare --trials 2", "0.1", "abcdef012", "OpenJDK 25",
            "DPDK 22.11.11", "Open vSwitch 3.1.0", "AMD EPYC", "0x1", List.of(0, 1), "KVM", "0", 1, null, null,
            "6.18", "quiet", null, null, "madvise", "1000 of 1024 free", "tsc", 20, "0.10 0.20 0.30 1/100 1");
    }

    @CommandLine.Command(name = "measure", subcommands = Rate.class)
    private static final class Measure {
    }

    @CommandLine.Command(name = "rate")
    private static final class Rate implements Runnable {
        private static Environment found = example();

        @CommandLine.Spec
        private CommandLine.Model.CommandSpec spec;

        @CommandLine.Option(names = "--sizes")
        private String sizes;

        @Override
        public void run() {
            assertEquals("64", sizes);
            found = Environment.of(spec);
        }
    }

    @Test
    void theEnvironmentIsThatOfThisMachine() {
        assertEquals(0, new CommandLine(new Measure()).execute("rate", "--sizes", "64"));
        final Environment found = Rate.found;
        assertEquals("rate --sizes 64", found.command());
        assertEquals(System.getProperty("os.version"), found.kernel());
        assertTrue(found.time().matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ"), found::time);
        assertTrue(found.clockReadNanos() > 0, found::toString);
        assertTrue(!found.processor().isBlank() && !found.cpus().isEmpty(), found::toString);
        assertTrue(found.machine().contains(found.processor()) && found.machine().contains(found.kernel()),
            found::machine);
    }

    @Test
    void unknownValuesAreLeftOutOfTheDescription() {
        assertEquals("AMD EPYC, 2 processors, virtual machine (KVM), Linux 6.18", example().machine());
        assertEquals("2026-11-30T12:00:00Z, Ringbridge 0.1, commit abcdef012, DPDK 22.11.11, Open vSwitch 3.1.0",
            example().versions());
    }
}
