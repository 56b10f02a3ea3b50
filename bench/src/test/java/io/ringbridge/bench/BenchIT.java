package io.ringbridge.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.ringbridge.bench.peer.OpenVswitch;
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
import java.util.Set;
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
        // On a busy machine, all trials may be disturbed, and then the status is 3.
        return Program.run(LIMIT, "sh", "-c", "'" + SwitchProcess.launcher() + "' bench " + arguments + " 2>"
            + directory.resolve("err") + "; status=$?; [ $status = 3 ] || exit $status");
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
        final JsonNode report = json("throughput --trials 1 --sizes imix,64,9000 --rings packed --in-order "
            + "--seconds 0.2 --warm-up 0.1 --resolution 50");
        assertEquals("Ringbridge", report.at("/setup/target").asText());
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
        final JsonNode report = json("throughput --trials 1 --ports 4 --sizes 64 --seconds 0.2 --warm-up 0.1 "
            + "--resolution 50 --stations 4096 --soak 20000",
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
            final JsonNode report = json("throughput --trials 1 --sizes 9000 --pairs 2 --in-order --no-mergeable "
                + "--seconds 0.2 --warm-up 0.1 --resolution 50"
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

            final String table = bench("throughput --trials 1 --sizes 9000 --seconds 0.1 --warm-up 0 "
                + "--resolution 50" + ports);
            assertTrue(table.matches("(?s)FRAME +SATURATION-MPPS +TRIALS +GBIT/S.*"), table);
            assertTrue(table.lines().anyMatch(line -> line.matches(" *9000 +[\\d.]+ .*")), table);
        }
    }

    @Test
    void latencyMeasuresThisSwitch() throws Exception {
        Required.fonts();
        final Path plot = directory.resolve("latency.svg");
        final Path hgrm = directory.resolve("latency.hgrm");
        final Path csv = directory.resolve("latency.csv");
        final Path series = directory.resolve("latency.hlog");
        final JsonNode report = json("latency --seconds 0.1 --warm-up 0.1 --trials 1 --plot " + plot + " --hgrm " + hgrm
            + " --csv " + csv + " --series " + series);
        final JsonNode system = report.at("/systems/0");
        assertEquals("Ringbridge", system.at("/setup/target").asText());
        assertTrue(system.at("/warm_up/frames_per_second").size() >= 2, report::toString);
        final JsonNode maxima = system.path("maxima");
        assertEquals(Set.of("busy", "interrupt"), Set.copyOf(maxima.findValuesAsText("receive")));
        assertEquals(List.of("no load", "10%", "50%", "90%", "no load", "10%", "50%", "90%"),
            system.findValuesAsText("load"));
        int trials = 0;
        for (final JsonNode result : system.path("results")) {
            trials += result.path("trials").size();
            assertEquals(result.path("overloaded").asBoolean(), result.path("distribution").isEmpty(),
                result::toString);
            for (final JsonNode trial : result.path("trials")) {
                assertTrial(trial);
                assertTrue(!"50%".equals(result.path("load").asText())
                    || isHalf(trial.path("offered_frames_per_second").asDouble(), maxima, result.path("receive")),
                    report::toString);
            }
        }
        assertEquals(trials + 1, Files.readAllLines(csv).size());
        final List<String> log = Files.readAllLines(series);
        assertTrue(log.stream().anyMatch(line -> line.startsWith("Tag=ringbridge-busy-no-load,")), log::toString);
        assertPlot(plot);
        final String text = Files.readString(directory.resolve("latency-busy-no-load.hgrm"));
        assertTrue(text.contains("Value     Percentile TotalCount 1/(1-Percentile)") && text.contains("#[Max"), text);
    }

    /** Whether a rate is half of a maximum for a way of receiving, of which there is one per state of the machine. */
    private static boolean isHalf(final double rate, final JsonNode maxima, final JsonNode receive) {
        for (final JsonNode maximum : maxima) {
            if (maximum.path("receive").equals(receive)
                && Math.abs(rate - maximum.path("frames_per_second").asDouble() / 2) < 1) {
                return true;
            }
        }
        return false;
    }

    private static void assertTrial(final JsonNode trial) {
        final JsonNode latency = trial.path("latency_micros");
        if (trial.path("overloaded").asBoolean()) {
            assertFalse(trial.has("latency_micros"), trial::toString);
            return;
        }
        double before = 0;
        for (final String percentile : List.of("p50", "p90", "p99", "p999", "p9999", "max")) {
            assertTrue(latency.path(percentile).asDouble(-1) >= before, trial::toString);
            before = latency.path(percentile).asDouble();
        }
        assertTrue(trial.path("sent").asLong() > 0, trial::toString);
        assertEquals(trial.path("sent").asLong() - trial.path("lost").asLong(), latency.path("samples").asLong(),
            trial::toString);
        assertTrue(trial.at("/conditions/clock_ghz/median").asDouble() > 0.1, trial::toString);
    }

    private static void assertPlot(final Path plot) throws Exception {
        assertTrue(Files.size(plot) < 200_000, plot::toString);
        final DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setFeature("http://apache.org/xml/features/nonvalidating/load-external-dtd", false);
        assertNotNull(factory.newDocumentBuilder().parse(plot.toFile()).getDocumentElement());
    }

    @Test
    void severalBackEndsAreMeasuredByOneCommandAndDrawnTogether() throws Exception {
        Required.fonts();
        Required.programs(Testpmd.PROGRAM, "stdbuf");
        final Path plot = directory.resolve("latency.svg");
        final JsonNode report = json("latency --backend ringbridge,testpmd --rates 20000 --poll busy --seconds 0.2 "
            + "--warm-up 0.1 --trials 1 --plot " + plot, found -> found.findValues("distribution").stream()
                .noneMatch(JsonNode::isEmpty));
        assertEquals(List.of("Ringbridge", "DPDK pipe"), report.findValuesAsText("target"));
        assertPlot(plot);
        final String text = Files.readString(plot);
        assertTrue(text.contains(">busy, 20000/s") && text.contains(">DPDK pipe"), text);
        final Path saved = directory.resolve("a.json");
        Files.writeString(saved, report.toString());
        final Path again = directory.resolve("again.svg");
        assertEquals(again.toString(), bench("plot " + saved + " -o " + again).strip());
        assertTrue(Files.readString(again).contains(">DPDK pipe"));
    }

    /** testpmd counts the frames that the command has sent, and a few by which the guests find each other. */
    @Test
    void framesAreCountedAsTestpmdCountsThem() {
        Required.programs(Testpmd.PROGRAM, "stdbuf");
        final Path a = directory.resolve("a.sock");
        final Path b = directory.resolve("b.sock");
        try (Testpmd testpmd = new Testpmd.Builder("count", 0).device(Testpmd.vhost(0, a)).device(Testpmd.vhost(1, b))
            .option("--no-flush-rx").option("--forward-mode=io").start()) {
            testpmd.command("start");
            final JsonNode report = json("throughput --sizes 64 --seconds 0.2 --warm-up 0 --trials 1 --resolution 50 "
                + "--target " + a + " --target " + b);
            final long sent = report.at("/results/0/trials").findValues("sent").stream().mapToLong(JsonNode::asLong)
                .sum();
            final long counted = testpmd.allStatistics().stream().mapToLong(Testpmd.Statistics::rxPackets).sum();
            assertTrue(sent > 0 && counted >= sent && counted <= sent + 200, "sent " + sent + ", counted " + counted);
        }
    }

    @Test
    void throughputStartsOpenVswitch() {
        OpenVswitch.missing().forEach(Required::programs);
        final JsonNode report = json("throughput --backend ovs --sizes 64 --seconds 0.2 --warm-up 0.1 --trials 1 "
            + "--resolution 50");
        assertEquals("OVS-DPDK", report.at("/setup/target").asText());
        assertTrue(report.at("/results/0/saturation/sent").asLong() > 0, report::toString);
    }

    @Test
    void latencyIsMeasuredAtTheGivenRates() {
        final JsonNode report = json("latency --rates 1000,20000 --poll interrupt --seconds 0.2 --warm-up 0.1 --rings "
            + "packed --trials 1 --name mine", found -> found.at("/systems/0/results/0/lost").asLong() == 0);
        final JsonNode system = report.at("/systems/0");
        assertTrue(system.path("maxima").isEmpty(), report::toString);
        assertEquals("mine", system.at("/setup/target").asText());
        assertEquals(List.of("1000/s", "20000/s"), system.findValuesAsText("load"));
        assertEquals(0, system.at("/results/0/lost").asLong(-1), report::toString);
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
    void compareMeasuresThisSwitchWithTestpmd() throws IOException {
        Required.programs(Testpmd.PROGRAM, "stdbuf");
        Required.fonts();
        final Path csv = directory.resolve("compare.csv");
        final Path plot = directory.resolve("compare.svg");
        final JsonNode report = json("compare --systems ringbridge,pipe --variants split --sizes 64 --trials 1 "
            + "--warm-up 0.5 --seconds 0.4 --csv " + csv + " --plot " + plot);
        assertTrue(report.path("trials").size() >= 2, report::toString);
        for (final JsonNode trial : report.path("trials")) {
            final double share = trial.path("rate").asDouble() / trial.path("limit").asDouble();
            assertTrue(share > 0 && share < 1, () -> "faster than a copy: " + trial);
            assertTrue(trial.at("/conditions/clock_ghz/median").asDouble() > 0.1, trial::toString);
        }
        assertEquals(report.path("trials").size() + 1, Files.readAllLines(csv).size());
        assertTrue(Files.readString(plot).contains(">Forwarding rate of one core"));
        assertTrue(Files.readString(directory.resolve("err")).startsWith("a cache line there and back takes ")
            || Files.readString(directory.resolve("err")).contains("\na cache line there and back takes "));
    }

    @Test
    void compareMeasuresLargePackets() {
        Required.programs("unshare", "nsenter", "ip");
        final JsonNode report = json("compare --systems ringbridge --work tso,tap --variants packed --trials 1 "
            + "--warm-up 0.5 --seconds 0.5");
        assertTrue(report.path("trials").findValuesAsText("work").containsAll(List.of("tso", "tap")), report::toString);
        assertEquals("bit/s", report.at("/trials/0/unit").asText());
    }
}
