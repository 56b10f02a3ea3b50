package io.ringbridge.bench.history;

import io.ringbridge.bench.machine.BenchException;
import io.ringbridge.bench.machine.ProjectRoot;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Element;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import javax.xml.parsers.DocumentBuilderFactory;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The plot of the recorded results shows all of them, and the committed one shows the committed results. */
class HistoryTest {
    private static final Path ROOT = ProjectRoot.find();

    @TempDir
    private Path directory;

    private static Results recorded() {
        return Results.read(ROOT.resolve("bench/results"));
    }

    @Test
    void theCommittedPlotShowsTheCommittedResults() throws IOException {
        assertEquals(HistoryPlot.draw(recorded(), Panels.all()), Files.readString(ROOT.resolve("docs/history.svg")),
            "docs/history.svg does not show the results in bench/results; run: switch/bin/ringbridge bench history");
        assertTrue(Files.readString(ROOT.resolve("docs/performance.md")).contains("](history.svg)"),
            "docs/performance.md does not show history.svg");
    }

    @Test
    void eachFileOfResultsIsDrawn() {
        assertEquals(recorded().files().keySet(),
            Panels.all().stream().map(Panel::file).collect(Collectors.toSet()));
    }

    @Test
    void eachCurveHasAValue() {
        final Results results = recorded();
        for (final Panel panel : Panels.all()) {
            for (final Panel.Curve curve : panel.curves()) {
                assertTrue(panel.runs(results).stream().anyMatch(run -> panel.values(results, curve, run).length > 0),
                    () -> panel.title() + ": no row of " + panel.file() + " belongs to the curve " + curve);
            }
        }
    }

    @Test
    void thePlotIsAnImageWithAPointPerValue() throws Exception {
        final Results results = recorded();
        final String svg = HistoryPlot.draw(results, Panels.all());
        final Element root = DocumentBuilderFactory.newInstance().newDocumentBuilder()
            .parse(new ByteArrayInputStream(svg.getBytes(StandardCharsets.UTF_8))).getDocumentElement();
        assertEquals("svg", root.getNodeName());
        final long values = Panels.all().stream().mapToLong(panel -> panel.curves().stream().mapToLong(curve ->
            1 + panel.runs(results).stream().mapToLong(run -> panel.values(results, curve, run).length).sum()).sum())
            .sum();
        assertEquals(values, root.getElementsByTagName("circle").getLength(), "each value, and each entry of a legend");
        for (final Panel panel : Panels.all()) {
            assertTrue(svg.contains('>' + panel.title() + "</text>") && svg.contains('>' + panel.unit() + "</text>"));
        }
    }

    @Test
    void axesHoldTheirValuesAndHaveRoundLabels() {
        assertEquals("[0, 5, 10, 15, 20, 25]", Scale.of(Panel.Axis.LINEAR, 24.8, 10).labels().toString());
        assertEquals("[0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2]",
            Scale.of(Panel.Axis.LINEAR, 1.05).labels().stream().map(label -> label.setScale(1)).toList().toString());
        final Scale log = Scale.of(Panel.Axis.LOGARITHMIC, 0.45, 43);
        assertEquals("[0.1, 1, 10, 100]", log.labels().stream().map(BigDecimal::toPlainString).toList().toString());
        assertEquals(0, log.place(0.1), 1e-9);
        assertEquals(2.0 / 3, log.place(10), 1e-9);
        assertEquals(1, log.place(100), 1e-9);
    }

    @Test
    void valuesAreReadAsRecorded() {
        assertEquals(List.of("2026-11-21", "closed loop, split", "", "5"),
            Results.cells("2026-11-21,\"closed loop, split\",,5"));
        assertArrayEquals(new double[] {}, Results.numbers(""));
        assertArrayEquals(new double[] {7.25}, Results.numbers("7.25"));
        assertArrayEquals(new double[] {44, 90}, Results.numbers("44-90"));
        assertArrayEquals(new double[] {0.80, 0.85, 1}, Results.numbers("0.80 0.85 1"));
    }

    @Test
    void theBestOfEachRunIsDrawnOrAllValues() throws IOException {
        Files.writeString(directory.resolve("a.csv"), """
            date,commit,machine,system,mpps
            2026-11-21,1,amd,us,4
            2026-11-22,2,intel,us,2-3
            2026-11-22,2,intel,others,9
            2026-11-23,3,amd,us,
            2026-11-24,4,amd,us,5
            2026-11-24,4,amd,us,6
            """);
        final Results results = Results.read(directory);
        for (final Panel.Show show : Panel.Show.values()) {
            final Panel panel = Panel.of("t", "u", "a.csv", Panel.Axis.LINEAR, show).curve("us", "mpps", "system=us");
            final List<Panel.Run> runs = panel.runs(results);
            assertEquals(List.of("1", "4", "2"), runs.stream().map(Panel.Run::commit).toList());
            final Panel.Curve curve = panel.curves().getFirst();
            assertEquals(Set.of("amd", "intel"), runs.stream().map(Panel.Run::machine).collect(Collectors.toSet()));
            final boolean all = show == Panel.Show.ALL;
            assertArrayEquals(new double[] {4}, panel.values(results, curve, runs.get(0)));
            assertArrayEquals(all ? new double[] {5, 6} : new double[] {6}, panel.values(results, curve, runs.get(1)));
            assertArrayEquals(all ? new double[] {2, 3} : new double[] {3}, panel.values(results, curve, runs.get(2)));
        }
    }

    @Test
    void aRowThatDoesNotFitItsHeaderIsReported() throws IOException {
        Files.writeString(directory.resolve("a.csv"), "date,ns\n2026-11-22,1\n2026-11-22,1,2\n");
        assertEquals(directory.resolve("a.csv") + ":3: 3 values; the header has 2",
            assertThrows(BenchException.class, () -> Results.read(directory)).getMessage());
    }
}
