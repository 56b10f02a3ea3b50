package io.ringbridge.bench.compare;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.ringbridge.bench.Required;
import io.ringbridge.bench.trial.Conditions;
import io.ringbridge.bench.trial.Environment;
import io.ringbridge.bench.trial.EnvironmentTest;
import io.ringbridge.bench.trial.Spread;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The comparison groups trials by the state of the machine, and counts only good ones. */
class ReportTest {
    private static final Work WORK = new Work(Kind.FRAMES, Variant.SPLIT, 64);
    private static final Environment ENVIRONMENT = EnvironmentTest.example();

    @TempDir
    private Path directory;

    private final Report report = new Report(List.of(Contender.RINGBRIDGE, Contender.PIPE), 2);
    private int trials;

    private static Conditions conditions(final double steal, final double... lines) {
        return new Conditions(Spread.of(lines), Spread.of(3.7), Spread.of(12), steal, 0, 0, 0);
    }

    private void add(final Contender contender, final double millions, final double steal, final double... lines) {
        trials++;
        report.add(new Trial("2026-11-30T12:00:00Z", trials, WORK, contender,
            new Measurement(millions * 1e6, 1, conditions(steal, lines), 2048, 0), 100e6));
    }

    private List<String> rows() {
        return new ReportText(report).text(ENVIRONMENT).lines().filter(line -> line.startsWith("| 64 B")).toList();
    }

    /** The same program ran at 24, 13 and 8 million frames per second in three states of one machine. */
    private void addThreeStates() {
        for (final double factor : new double[] {1, 1.1, 0.9}) {
            add(Contender.RINGBRIDGE, 24 * factor, 0, 60 * factor);
            add(Contender.RINGBRIDGE, 13 * factor, 0, 140 * factor);
            add(Contender.RINGBRIDGE, 8 * factor, 0, 300 * factor);
            add(Contender.PIPE, 16 * factor, 0, 60 * factor);
            add(Contender.PIPE, 6.4 * factor, 0, 300 * factor);
        }
    }

    @Test
    void eachStateOfTheMachineHasARowWithMediansRatiosAndSharesOfTheLimit() {
        addThreeStates();
        assertEquals(List.of(
            "| 64 B split, mergeable | A | 24.00 (22.80-25.20) of 3, 24 % | 16.00 (15.20-16.80) of 3, 16 % | 1.50 "
                + "| 100 (100-100) | 0 0 |",
            "| 64 B split, mergeable | B | 13.00 (12.35-13.65) of 3, 13 % | - | - | 100 (100-100) | 0 0 |",
            "| 64 B split, mergeable | C | 8.00 (7.60-8.40) of 3, 8 % | 6.40 (6.08-6.72) of 3, 6 % | 1.25 "
                + "| 100 (100-100) | 0 0 |"), rows());
        final String text = new ReportText(report).text(ENVIRONMENT);
        assertTrue(text.contains("State B: a cache line there and back in 126 to 154 ns, clock 3.7 GHz"), text);
    }

    @Test
    void aDisturbedTrialIsRepeatedAndDoesNotCount() {
        assertFalse(report.isComplete());
        add(Contender.RINGBRIDGE, 18, 0, 60);
        add(Contender.RINGBRIDGE, 19, 0, 61);
        add(Contender.PIPE, 12, 0, 60);
        assertFalse(report.isComplete(), "a trial of the pipe is missing");
        add(Contender.PIPE, 4, 0.03, 60);
        assertFalse(report.isComplete(), "the host stole time in a trial of the pipe");
        add(Contender.PIPE, 4, 0, 60, 340);
        assertFalse(report.isComplete(), "the host moved the processors in a trial of the pipe");
        add(Contender.PIPE, 13, 0, 62);
        assertTrue(report.isComplete());
        assertTrue(rows().getFirst().contains("| 12.50 (12.25-12.75) of 2, 13 % | 1.48 |"), () -> rows().toString());
        final String text = new ReportText(report).text(ENVIRONMENT);
        assertTrue(text.contains("2 of 6 trials were disturbed (1 because the host moved the processors)"), text);
    }

    @Test
    void trialsInDifferentStatesDoNotCompleteEachOther() {
        add(Contender.RINGBRIDGE, 18, 0, 60);
        add(Contender.RINGBRIDGE, 8, 0, 300);
        add(Contender.PIPE, 12, 0, 60);
        add(Contender.PIPE, 12, 0, 62);
        assertFalse(report.isComplete());
        add(Contender.RINGBRIDGE, 18, 0, 60);
        assertTrue(report.isComplete());
    }

    @Test
    void resultsWithOnlyDisturbedTrialsAreMarked() {
        add(Contender.RINGBRIDGE, 18, 0.03, 60);
        add(Contender.PIPE, 12, 0, 60);
        assertTrue(rows().getFirst().contains("| 18.00* of 1, 18 % | 12.00 of 1, 12 % | 1.50* |"),
            () -> rows().toString());
    }

    @Test
    void aTrialWhoseRateRoseWasStillWarmingUp() {
        final Conditions quiet = conditions(0, 60, 61);
        assertEquals(List.of(), new Measurement(1e6, 1.05, quiet, 0, 0).disturbances());
        assertEquals(List.of("not steady: the last quarter was 1.30 times as fast as the first"),
            new Measurement(1e6, 1.3, quiet, 0, 0).disturbances());
    }

    @Test
    void jsonHasResultsStatesTrialsAndTheEnvironment() throws IOException {
        addThreeStates();
        add(Contender.PIPE, 4, 0.03, 60, 340);
        final JsonNode root = new ObjectMapper()
            .readTree(new ReportFiles(report, ENVIRONMENT).json(new Placement(0, 1, true)));
        assertEquals("AMD EPYC", root.at("/environment/processor").asText());
        assertEquals(List.of("A", "B", "C"), root.path("states").findValuesAsText("name"));
        assertEquals(60, root.at("/states/0/line_nanos/median").asDouble());
        assertEquals(5, root.path("results").size());
        final JsonNode pipe = root.at("/results/1");
        assertEquals("pipe", pipe.path("system").asText());
        assertEquals(16e6, pipe.at("/rate/median").asDouble());
        assertEquals(0.16, pipe.at("/share_of_limit/median").asDouble(), 1e-9);
        assertEquals(1.5, pipe.path("ringbridge_to_this").asDouble(), 1e-9);
        assertEquals(16, root.path("trials").size());
        final JsonNode moved = root.at("/trials/15");
        assertFalse(moved.has("state"), moved::toString);
        assertEquals("[\"steal 3.0 %\",\"the host moved the processors\"]", moved.path("disturbances").toString());
    }

    @Test
    void csvHasARowPerTrial() throws IOException {
        addThreeStates();
        add(Contender.PIPE, 4, 0.03, 60, 340);
        final Path file = directory.resolve("a.csv");
        new ReportFiles(report, ENVIRONMENT).csv().write(file);
        final List<String> lines = Files.readAllLines(file);
        assertEquals("time,round,work,rings,frame_bytes,system,state,rate,unit,copy_limit,share_of_limit,last_to_first,"
            + "circulating,lost,line_ns,line_least_ns,line_most_ns,clock_ghz,operations_per_ns,steal,waited,migrations,"
            + "compiling,disturbances", lines.getFirst());
        assertEquals("2026-11-30T12:00:00Z,1,frames,\"split, mergeable\",64,ringbridge,A,24000000,frames/s,100000000,"
            + "0.24,1,2048,0,60,60,60,3.7,12,0,0,0,0,", lines.get(1));
        assertTrue(lines.getLast().endsWith(",0.03,0,0,0,steal 3.0 %; the host moved the processors"),
            lines.getLast());
        assertEquals(17, lines.size());
    }

    @Test
    void thePlotHasABarPerResultAndSaysWhatWasMeasured() throws IOException {
        Required.fonts();
        addThreeStates();
        final Path svg = directory.resolve("a.svg");
        new ReportFiles(report, ENVIRONMENT).plot().write("--plot", svg);
        final String text = Files.readString(svg);
        for (final String expected : List.of("Forwarding rate of one core", "AMD EPYC, 2 processors",
            "State A: line 54 to 66 ns, clock 3.7 GHz, steal 0.0 %", "State C: line 270 to 330 ns",
            "24.0, 24 %", "6.4, 6 %", "Ringbridge", "DPDK pipe", "million frames/s")) {
            assertTrue(text.contains(">" + expected), () -> expected + " is not a text of the plot");
        }
        assertTrue(Files.size(svg) < 200_000, () -> text.length() + " bytes");
        final Path png = directory.resolve("a.png");
        new ReportFiles(report, ENVIRONMENT).plot().write("--plot", png);
        assertEquals("PNG", new String(Arrays.copyOfRange(Files.readAllBytes(png), 1, 4),
            StandardCharsets.US_ASCII));
    }
}
