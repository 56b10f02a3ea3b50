package io.ringbridge.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.ringbridge.bench.peer.Program;
import io.ringbridge.bench.peer.SwitchConfig;
import io.ringbridge.bench.peer.SwitchProcess;
import io.ringbridge.bench.peer.Testpmd;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import javax.xml.parsers.DocumentBuilderFactory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * {@code ringbridge bench} as a user runs it. The tests check the form and the consistency of its output, not speeds.
 */
class BenchIT {
    private static final Duration LIMIT = Duration.ofMinutes(4);
    /** On a busy machine, guests may be preempted for so long that frames to them are lost. */
    private static final int ATTEMPTS = 3;
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    private Path directory;

    /** Returns the standard output of a command, without the progress lines. */
    private String bench(final String arguments) {
        return Program.run(LIMIT, "sh", "-c",
            "exec '" + SwitchProcess.launcher() + "' bench " + arguments + " 2>" + directory.resolve("err"));
    }

    private JsonNode json(final String arguments) {
        final String text = bench(arguments + " --json");
        assertEquals(1, text.lines().count(), text);
        try {
            return JSON.readTree(text);
        } catch (final JsonProcessingException e) {
            throw new AssertionError(text, e);
        }
    }

    /** Returns the first result that is undisturbed, or the last one if all attempts were disturbed. */
    private JsonNode json(final String arguments, final Predicate<JsonNode> undisturbed) {
        JsonNode report = json(arguments);
        for (int i = 1; i < ATTEMPTS && !undisturbed.test(report); i++) {
            report = json(arguments);
        }
        return report;
    }

    private static String targets(final SwitchProcess running, final String... ports) {
        final StringBuilder arguments = new StringBuilder();
        for (final String port : ports) {
            arguments.append(" --target ").append(running.socket(port));
        }
        return arguments.toString();
    }

    @Test
    void throughputMeasuresThisSwitch() throws IOException {
        final JsonNode report = json("throughput --sizes imix,64,9000 --rings packed --in-order --seconds 0.2 "
            + "--warm-up 0.1 --resolution 50");
        assertEquals("this switch", report.at("/setup/target").asText());
        assertEquals("packed", report.at("/setup/rings").asText());
        assertTrue(report.at("/setup/in_order").asBoolean(), report::toString);
        assertEquals(List.of("imix", "64", "9000"), report.findValuesAsText("frames"));
        for (final JsonNode result : report.path("results")) {
            assertTrue(result.at("/saturation/sent").asLong() > 0, result::toString);
            assertTrue(result.at("/saturation/lost").asLong() < result.at("/saturation/sent").asLong(),
                result::toString);
            assertEquals(0, result.at("/saturation/misordered").asLong(), result::toString);
            // On a busy machine, the load may be late at every rate, and then there is no rate without loss.
            if (!result.path("zero_loss").isMissingNode() && !result.path("zero_loss").isNull()) {
                assertTrue(result.at("/zero_loss/sent").asLong() > 0, result::toString);
                assertEquals(0, result.at("/zero_loss/lost").asLong(-1), result::toString);
                assertEquals(0, result.at("/zero_loss/misordered").asLong(-1), result::toString);
            }
        }
        assertTrue(Files.readString(directory.resolve("err")).contains("imix: saturation, "));
    }

    @Test
    void throughputSoaksWithManyStations() {
        final JsonNode report = json("throughput --ports 4 --sizes 64 --seconds 0.2 --warm-up 0.1 --resolution 50 "
            + "--stations 4096 --soak 20000",
            found -> found.at("/results/0/soak/lost").asLong(-1) == 0);
        assertEquals(4096, report.path("stations").asInt(), report::toString);
        assertEquals(0, report.at("/results/0/saturation/misordered").asLong(-1), report::toString);
        final JsonNode zeroLoss = report.at("/results/0/zero_loss");
        // On a busy machine, the load may be late at every rate, and then there is no rate to soak at.
        if (!zeroLoss.isMissingNode() && !zeroLoss.isNull()) {
            assertTrue(Math.abs(report.at("/results/0/soak/sent").asLong() - 20_000) <= 4, report::toString);
            assertEquals(0, report.at("/results/0/soak/lost").asLong(-1), report::toString);
        }
    }

    @Test
    void throughputMeasuresAnyBackEnd() {
        try (SwitchProcess running = SwitchProcess.start(new SwitchConfig().set("poll", "busy")
            .server("a", 2).mtu(9000).server("b", 2).mtu(9000).server("c", 2).mtu(9000))) {
            final String ports = targets(running, "a", "b", "c");
            final JsonNode report = json("throughput --sizes 9000 --pairs 2 --in-order --no-mergeable --seconds 0.2 "
                + "--warm-up 0.1 --resolution 50"
                + ports);
            assertEquals(3, report.at("/setup/ports").asInt());
            assertTrue(report.at("/setup/in_order").asBoolean() && !report.at("/setup/mergeable").asBoolean(),
                report::toString);
            final long sent = report.at("/results/0/saturation/sent").asLong();
            long counted = 0;
            for (final JsonNode port : running.show("ports")) {
                counted += port.path("in_frames").asLong();
            }
            assertTrue(report.at("/results/0/saturation/lost").asLong() < sent, report::toString);
            assertTrue(sent > 0 && counted >= sent, "sent " + sent + ", counted " + counted);

            final String table = bench("throughput --sizes 9000 --seconds 0.1 --warm-up 0 --resolution 50" + ports);
            assertTrue(table.startsWith("FRAME  SATURATION-MPPS  GBIT/S"), table);
            assertTrue(table.lines().anyMatch(line -> line.matches(" *9000 +[\\d.]+ .*")), table);
        }
    }

    @Test
    void latencyMeasuresThisSwitch() throws Exception {
        Required.fonts();
        final Path plot = directory.resolve("latency.svg");
        final Path hgrm = directory.resolve("latency.hgrm");
        final JsonNode report = json("latency --seconds 0.1 --warm-up 0.1 --plot " + plot + " --hgrm " + hgrm);
        assertTrue(report.has("maximum_frames_per_second"), report::toString);
        assertEquals(List.of("no load", "10%", "50%", "90%", "no load", "10%", "50%", "90%"),
            report.findValuesAsText("load"));
        assertEquals(4, report.findValuesAsText("receive").stream().filter("interrupt"::equals).count());
        for (final JsonNode result : report.path("results")) {
            final JsonNode latency = result.path("latency_micros");
            double before = 0;
            for (final String percentile : List.of("p50", "p90", "p99", "p999", "p9999", "max")) {
                assertTrue(latency.path(percentile).asDouble(-1) >= before, result::toString);
                before = latency.path(percentile).asDouble();
            }
            assertTrue(result.path("sent").asLong() > 0, result::toString);
            assertEquals(result.path("sent").asLong() - result.path("lost").asLong(), latency.path("samples").asLong(),
                result::toString);
        }
        final DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setFeature("http://apache.org/xml/features/nonvalidating/load-external-dtd", false);
        assertNotNull(factory.newDocumentBuilder().parse(plot.toFile()).getDocumentElement());
        final String text = Files.readString(directory.resolve("latency-interrupt-90.hgrm"));
        assertTrue(text.contains("Value     Percentile TotalCount 1/(1-Percentile)") && text.contains("#[Max"), text);
    }

    @Test
    void latencyIsMeasuredAtTheGivenRates() {
        final JsonNode report = json("latency --rates 1000,20000 --poll interrupt --seconds 0.2 --warm-up 0.1 --rings "
            + "packed", found -> found.at("/results/0/lost").asLong() == 0);
        assertFalse(report.has("maximum_frames_per_second"), report::toString);
        assertEquals(List.of("1000/s", "20000/s"), report.findValuesAsText("load"));
        assertEquals(0, report.at("/results/0/lost").asLong(-1), report::toString);
    }

    @Test
    void learningFindsTheCapacityOfTheTable() {
        final JsonNode all = json("learning --max-addresses 3000 --addresses 500 --resolution 10",
            found -> found.at("/capacity/addresses").asInt() == 3000);
        assertEquals(3000, all.at("/capacity/addresses").asInt(), all::toString);
        assertTrue(all.at("/capacity/is_lower_bound").asBoolean(), all::toString);
        assertTrue(all.at("/rate/addresses_per_second").asDouble() > 0, all::toString);
        final int capacity = 1024;
        try (SwitchProcess running = SwitchProcess.start(new SwitchConfig()
            .set("fdb", Map.of("capacity", capacity))
            .server("a").server("b").server("c"))) {
            final JsonNode some = json("learning --max-addresses 4096 --addresses 100 --resolution 2"
                + targets(running, "a", "b", "c"), found -> found.at("/capacity/addresses").asInt() > capacity / 4);
            final int remembered = some.at("/capacity/addresses").asInt();
            assertTrue(remembered > capacity / 4 && remembered <= capacity, some::toString);
            assertFalse(some.at("/capacity/is_lower_bound").asBoolean(), some::toString);
        }
    }

    @Test
    void aFeatureThatTheBackEndDoesNotOfferIsReported() throws IOException {
        try (SwitchProcess running = SwitchProcess.start(new SwitchConfig().server("a").server("b"))) {
            final Path err = directory.resolve("err");
            Program.run(LIMIT, "sh", "-c", "'" + SwitchProcess.launcher() + "' bench throughput --pairs 2"
                + targets(running, "a", "b")
                + " 2>" + err + "; [ $? = 1 ]");
            assertEquals("ringbridge bench: throughput: --pairs 2: the back-end at " + running.socket("a")
                + " does not offer it", Files.readString(err).strip());
        }
    }

    @Test
    void compareMeasuresThisSwitchWithTestpmd() {
        Required.programs(Testpmd.PROGRAM, "stdbuf");
        final String text = bench("compare --systems ringbridge --variants split --sizes 64 --trials 1 --warm-up 0.2 "
            + "--seconds 0.2 --json");
        assertTrue(text.contains("\"best_frames_per_second\"") || text.contains("\"frames_per_second\""), text);
    }

    @Test
    void compareMeasuresLargePackets() {
        Required.programs("unshare", "nsenter", "ip");
        final String text = bench("compare --systems ringbridge --work tso,tap --variants packed --trials 1 --warm-up "
            + "0.5 --seconds 0.5 --json");
        assertTrue(text.contains("\"bits_per_second\"") && text.contains("TSO, guest to tap"), text);
    }
}
