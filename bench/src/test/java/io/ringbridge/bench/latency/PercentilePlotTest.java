package io.ringbridge.bench.latency;

import io.ringbridge.bench.Required;
import io.ringbridge.bench.load.FrameMix;
import io.ringbridge.bench.load.Load;
import io.ringbridge.bench.load.Notified;
import io.ringbridge.bench.load.Outcome;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Element;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

class PercentilePlotTest {
    @TempDir
    private Path directory;

    @BeforeAll
    static void withoutADisplay() {
        System.setProperty("java.awt.headless", "true");
    }

    private static Series series(final Notified notified, final String load, final long... nanos) {
        final Histogram histogram = new Histogram(60_000_000_000L, 3);
        Arrays.stream(nanos).forEach(histogram::recordValue);
        final Load half = new Load(FrameMix.parse("64"), 1000, Duration.ofSeconds(2));
        return new Series(notified, load, new Outcome(half, nanos.length, nanos.length, nanos.length, 0, 2_000_000_000L,
            histogram));
    }

    @Test
    void theAxisCountsNines() {
        assertEquals(List.of("0%", "68%", "90%", "96.8%", "99%", "99.68%", "99.9%", "99.99%", "99.999%"),
            List.of(0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0).stream().map(PercentilePlot::percentile).toList());
    }

    @Test
    void theExtensionSelectsTheFormat() throws Exception {
        Required.fonts();
        final PercentilePlot plot = new PercentilePlot("latency", List.of(
            series(Notified.BUSY, "no load", 0, 1200, 1500, 2_000_000), series(Notified.INTERRUPT, "50%", 9000, 9100,
            60_000_000_000L), series(Notified.INTERRUPT, "90%")));
        final Path svg = directory.resolve("a.svg");
        plot.write(svg);
        final DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setFeature("http://apache.org/xml/features/nonvalidating/load-external-dtd", false);
        final Element root = factory.newDocumentBuilder().parse(svg.toFile()).getDocumentElement();
        assertEquals("svg", root.getNodeName());
        assertTrue(root.getElementsByTagName("path").getLength() > 0, "curves and letters are paths");
        final Path png = directory.resolve("a.PNG");
        plot.write(png);
        assertArrayEquals(new byte[] {(byte) 0x89, 'P', 'N', 'G'}, Arrays.copyOf(Files.readAllBytes(png), 4));
        assertNull(PercentilePlot.Format.of(Path.of("a.pdf")));
    }

    @Test
    void resultsAreInMicroseconds() {
        final long[] nanos = new long[10_000];
        Arrays.setAll(nanos, i -> 1000L * (i + 1));
        final LatencyReport.Result result = LatencyReport.Result.of(series(Notified.BUSY, "50%", nanos));
        final LatencyReport.Latency latency = result.latencyMicros();
        assertEquals("busy", result.receive());
        assertEquals(10_000, latency.samples());
        assertEquals(5000, latency.p50(), 5);
        assertEquals(9000, latency.p90(), 9);
        assertEquals(9900, latency.p99(), 10);
        assertEquals(9990, latency.p999(), 10);
        assertEquals(10_000, latency.max(), 10);
    }

    @Test
    void severalDistributionsHaveFilesOfTheirOwn() {
        assertEquals(Path.of("x/a-busy-no-load.hgrm"), LatencyCommand.withSlug(Path.of("x/a.hgrm"),
            series(Notified.BUSY, "no load").slug()));
        assertEquals(Path.of("a-interrupt-50"), LatencyCommand.withSlug(Path.of("a"),
            series(Notified.INTERRUPT, "50%").slug()));
    }
}
