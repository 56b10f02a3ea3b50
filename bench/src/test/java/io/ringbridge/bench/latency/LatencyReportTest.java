package io.ringbridge.bench.latency;

import io.ringbridge.bench.Required;
import io.ringbridge.bench.load.Notified;
import io.ringbridge.bench.plot.Page;
import io.ringbridge.bench.plot.Point;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Element;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

class LatencyReportTest {
    @TempDir
    private Path directory;

    private static Histogram histogram(final long... nanos) {
        final Histogram histogram = new Histogram(60_000_000_000L, 3);
        Arrays.stream(nanos).forEach(histogram::recordValue);
        return histogram;
    }

    private static Curve curve(final String system, final String load, final long... nanos) {
        return new Curve(system, "busy", load, Curve.points(histogram(nanos)));
    }

    private static String svg(final Path file) throws IOException {
        final String text = Files.readString(file);
        assertTrue(text.length() < 200_000, () -> text.length() + " bytes");
        return text;
    }

    @Test
    void severalBackEndsShareADiagramPerLoad() throws Exception {
        Required.fonts();
        final long[] nanos = new long[100_000];
        Arrays.setAll(nanos, i -> 1000L + 30L * i);
        final Path file = directory.resolve("a.svg");
        LatencyPlot.page(List.of(curve("Ringbridge", "no load", nanos), curve("OVS-DPDK", "no load", 2000, 9000),
            curve("Ringbridge", "50%", nanos)), "64", List.of("AMD EPYC, 2 processors")).write("--plot", file);
        final String text = svg(file);
        for (final String expected : List.of("One-way latency of frames of 64 bytes: Ringbridge, OVS-DPDK",
            "AMD EPYC, 2 processors", "busy, no load", "busy, 50%", "50 %", "90 %", "99 %", "99.9 %", "99.99 %",
            "latency, microseconds", "1,000", "percentile")) {
            assertTrue(text.contains(">" + expected), () -> expected + " is not a text of the plot");
        }
        final DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setFeature("http://apache.org/xml/features/nonvalidating/load-external-dtd", false);
        final Element root = factory.newDocumentBuilder().parse(file.toFile()).getDocumentElement();
        assertEquals("svg", root.getNodeName());
    }

    @Test
    void aPlotOfManyLoadsIsSmall() throws IOException {
        Required.fonts();
        final long[] nanos = new long[200_000];
        Arrays.setAll(nanos, i -> 1000L + (long) i * i);
        final Path file = directory.resolve("a.svg");
        LatencyPlot.page(List.of("Ringbridge", "DPDK pipe", "OVS-DPDK").stream().flatMap(system ->
            List.of("no load", "10%", "50%", "90%").stream().flatMap(load -> List.of("busy", "interrupt").stream()
                .map(receive -> new Curve(system, receive, load, Curve.points(histogram(nanos)))))).toList(), "imix",
            List.of("one", "two", "three")).write("--plot", file);
        assertTrue(svg(file).contains(">interrupt, 90%"));
    }

    @Test
    void theExtensionSelectsTheFormat() throws IOException {
        Required.fonts();
        final Path png = directory.resolve("a.PNG");
        LatencyPlot.page(List.of(curve("Ringbridge", "50%", 9000)), "imix", List.of()).write("--plot", png);
        assertArrayEquals(new byte[] {(byte) 0x89, 'P', 'N', 'G'}, Arrays.copyOf(Files.readAllBytes(png), 4));
        assertNull(Page.Format.of(Path.of("a.pdf")));
    }

    @Test
    void aDistributionEndsWithItsLongestLatency() {
        final List<Point> points = Curve.points(histogram(1000, 2000, 3000, 4000));
        assertEquals(100, points.getLast().percentile());
        assertEquals(4, points.getLast().micros(), 0.01);
        assertTrue(points.stream().limit(points.size() - 1).allMatch(point -> point.percentile() <= 75),
            "four values say nothing about 90 %");
    }

    @Test
    void resultsAreInMicroseconds() {
        final long[] nanos = new long[10_000];
        Arrays.setAll(nanos, i -> 1000L * (i + 1));
        final LatencyReport.Percentiles latency = LatencyReport.Percentiles.of(histogram(nanos));
        assertEquals(10_000, latency.samples());
        assertEquals(5000, latency.p50(), 5);
        assertEquals(9000, latency.p90(), 9);
        assertEquals(9900, latency.p99(), 10);
        assertEquals(9990, latency.p999(), 10);
        assertEquals(10_000, latency.max(), 10);
    }

    @Test
    void severalDistributionsHaveFilesOfTheirOwn() {
        final Case load = new Case("OVS-DPDK", Notified.BUSY, "no load");
        assertEquals(Path.of("x/a-busy-no-load.hgrm"), LatencyFiles.withSlug(Path.of("x/a.hgrm"), load.slug(false)));
        assertEquals(Path.of("a-ovs-dpdk-busy-no-load"), LatencyFiles.withSlug(Path.of("a"), load.slug(true)));
    }
}
