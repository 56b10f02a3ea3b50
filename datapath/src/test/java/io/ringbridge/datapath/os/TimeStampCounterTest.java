package io.ringbridge.datapath.os;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalDouble;

import static org.junit.jupiter.api.Assertions.assertEquals;

class TimeStampCounterTest {
    private static final String CPU = "sys/devices/system/cpu/cpu0/";

    @TempDir
    Path root;

    private void file(final String name, final String content) throws IOException {
        final Path path = root.resolve(name);
        Files.createDirectories(path.getParent());
        Files.writeString(path, content);
    }

    @Test
    void theMostReliableSourceIsUsed() throws IOException {
        assertEquals(OptionalDouble.empty(), TimeStampCounter.hertz(root));
        file("proc/cpuinfo", """
            processor\t: 0
            model name\t: x @ 9.99GHz
            cpu MHz\t\t: 2596.132
            processor\t: 1
            cpu MHz\t\t: 1.0
            """);
        assertEquals(2_596_132_000.0, TimeStampCounter.hertz(root).orElseThrow(), 1);
        file(CPU + "cpufreq/scaling_driver", "acpi-cpufreq\n");
        assertEquals(OptionalDouble.empty(), TimeStampCounter.hertz(root),
            "the current clock is not the counter's rate");
        file(CPU + "acpi_cppc/nominal_freq", "2500\n");
        assertEquals(2.5e9, TimeStampCounter.hertz(root).orElseThrow(), 1);
        file(CPU + "cpufreq/base_frequency", "2400000\n");
        assertEquals(2.4e9, TimeStampCounter.hertz(root).orElseThrow(), 1);
        file(CPU + "tsc_freq_khz", "2399998\n");
        assertEquals(2_399_998_000.0, TimeStampCounter.hertz(root).orElseThrow(), 1);
    }

    @Test
    void sourcesWithoutAPositiveNumberAreSkipped() throws IOException {
        file(CPU + "tsc_freq_khz", "unknown\n");
        file(CPU + "acpi_cppc/nominal_freq", "0\n");
        file("proc/cpuinfo", "cpu MHz : fast\n");
        assertEquals(OptionalDouble.empty(), TimeStampCounter.hertz(root));
    }
}
