package io.ringbridge.app.metrics;

import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.DatapathOptions;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.worker.PollMode;
import io.ringbridge.testkit.Await;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.stream.Collectors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The metrics of a running datapath, and the document that lists them. */
class SwitchMetricsTest {
    private static final Path DOCUMENT =
        Path.of(System.getProperty("ringbridge.root"), "docs/operations/metrics.md");
    private static final int ROUNDS = 300;
    private static final int MTU = 1500;
    private static final String[] LIMITS = {"64.0", "127.0", "255.0", "511.0", "1023.0", "1518.0"};

    private Datapath datapath;
    private final List<TestGuest> guests = new ArrayList<>();

    private void start(final int workers, final PollMode poll) {
        datapath = Datapath.start(new DatapathOptions(workers, List.of(), poll, 1024, Duration.ofMinutes(5)),
            _ -> { });
        guests.add(TestGuest.up(datapath.addGuestPort("a", 1, MTU)));
        guests.add(TestGuest.up(datapath.addGuestPort("b", 1, MTU)));
    }

    @AfterEach
    void close() {
        guests.forEach(TestGuest::close);
        datapath.close();
    }

    private static String[] at(final String port, final String direction, final String... more) {
        final List<String> labels = new ArrayList<>(List.of("port=" + port, "queue=0", "direction=" + direction));
        labels.addAll(List.of(more));
        return labels.toArray(String[]::new);
    }

    /** Frames that a guest sent or received. */
    private static final class Count {
        private final List<Integer> lengths = new ArrayList<>();
        private long broadcasts;

        void add(final byte[] frame) {
            lengths.add(frame.length);
            broadcasts += frame[0] == -1 ? 1 : 0;
        }

        void assertExported(final Scrape scrape, final String port, final String direction) {
            final long bytes = lengths.stream().mapToLong(Integer::longValue).sum();
            assertEquals(lengths.size(), scrape.value("ringbridge_port_frames_total", at(port, direction)));
            assertEquals(bytes, scrape.value("ringbridge_port_bytes_total", at(port, direction)));
            assertEquals(broadcasts, scrape.value("ringbridge_port_frames_by_destination_total",
                at(port, direction, "destination=broadcast")));
            assertEquals(lengths.size() - broadcasts, scrape.value("ringbridge_port_frames_by_destination_total",
                at(port, direction, "destination=unicast")));
            final String histogram = "ringbridge_port_frame_size_bytes";
            for (final String limit : LIMITS) {
                assertEquals(lengths.stream().filter(length -> length <= Double.parseDouble(limit)).count(),
                    scrape.value(histogram + "_bucket", at(port, direction, "le=" + limit)), limit);
            }
            assertEquals(lengths.size(), scrape.value(histogram + "_count", at(port, direction)));
            assertEquals(bytes, scrape.value(histogram + "_sum", at(port, direction)));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void metricsEqualWhatGuestsSentAndReceivedWhileTheyAreRead(final int workers) {
        start(workers, PollMode.BUSY);
        final SwitchMetrics metrics = new SwitchMetrics(datapath);
        final TestGuest a = guests.getFirst();
        final TestGuest b = guests.get(1);
        final Count sent = new Count();
        final Count received = new Count();
        b.send(Frames.broadcast(2, 60));
        Await.until(() -> a.received().size() == 1);
        long tooLong = 0;
        long tooShort = 0;
        long own = 0;
        final SplittableRandom random = new SplittableRandom(workers);
        Scrape last = new Scrape(metrics.text());
        for (int round = 0; round < ROUNDS; round++) {
            final long mark = a.mark();
            final int count = random.nextInt(1, 60);
            int arriving = 0;
            for (int i = 0; i < count; i++) {
                final int kind = random.nextInt(20);
                final byte[] frame = switch (kind) {
                    case 0 -> Frames.ethernet(2, 1, MTU + 15);
                    case 1 -> new byte[13];
                    case 2 -> Frames.ethernet(1, 1, 60);
                    case 3 -> Frames.broadcast(1, random.nextInt(60, MTU + 14));
                    default -> Frames.ethernet(2, 1, random.nextInt(60, MTU + 14));
                };
                a.send(frame);
                tooLong += kind == 0 ? 1 : 0;
                tooShort += kind == 1 ? 1 : 0;
                own += kind == 2 ? 1 : 0;
                arriving += kind > 2 ? 1 : 0;
                if (kind != 1 && kind != 2) {
                    sent.add(frame);
                }
            }
            if (round % 10 == 0) { // while the worker moves these frames
                final Scrape now = new Scrape(metrics.text());
                now.assertNotBefore(last);
                last = now;
            }
            final List<byte[]> arrived = new ArrayList<>();
            final int expected = arriving;
            Await.until(() -> {
                arrived.addAll(b.received());
                return arrived.size() == expected;
            });
            arrived.forEach(received::add);
            final int[] reaped = new int[1];
            Await.until(() -> (reaped[0] += a.reap()) == count);
            a.release(mark);
        }
        final Scrape[] end = {last};
        Await.until(() -> {
            end[0] = new Scrape(metrics.text());
            return end[0].value("ringbridge_port_frames_total", at("b", "out")) >= received.lengths.size();
        });
        sent.assertExported(end[0], "a", "in");
        received.assertExported(end[0], "b", "out");
        assertEquals(tooLong, end[0].value("ringbridge_port_dropped_frames_total",
            at("b", "out", "reason=mtu-exceeded")));
        assertEquals(tooShort, end[0].value("ringbridge_port_dropped_frames_total",
            at("a", "in", "reason=short-frame")));
        assertEquals(own, end[0].value("ringbridge_port_dropped_frames_total", at("a", "in", "reason=same-port")));
        assertEquals(0, end[0].value("ringbridge_port_dropped_frames_total", at("b", "out", "reason=no-buffer")));
        assertEquals(2, end[0].value("ringbridge_fdb_learned_stations_total"));
        assertEquals(2, end[0].value("ringbridge_fdb_stations"));
        assertEquals(1 + received.lengths.size(), deliveredBy(workers, end[0]));
        assertEquals(256, end[0].value("ringbridge_port_ring_entries", at("a", "in")));
        assertEquals(0, end[0].value("ringbridge_port_ring_chains_in_flight", at("a", "in")));
    }

    private static long deliveredBy(final int workers, final Scrape scrape) {
        long frames = 0;
        for (int i = 0; i < workers; i++) {
            frames += scrape.value("ringbridge_worker_delivered_frames_total", "worker=" + i);
        }
        return frames;
    }

    @Test
    void statesAndSuspensionsAreExported() {
        start(1, PollMode.ADAPTIVE);
        final SwitchMetrics metrics = new SwitchMetrics(datapath);
        final TestGuest a = guests.getFirst();
        a.port.markAttached();
        a.port.suspend(SuspendCause.OPERATOR);
        a.port.suspend(SuspendCause.OPERATOR);
        a.port.suspend(SuspendCause.DRIVER);
        final Scrape suspended = new Scrape(metrics.text());
        assertEquals(1, suspended.value("ringbridge_port_state", "port=a", "state=suspended"));
        assertEquals(0, suspended.value("ringbridge_port_state", "port=a", "state=running"));
        assertEquals(1, suspended.value("ringbridge_port_suspensions_total", "port=a", "cause=operator"));
        assertEquals(1, suspended.value("ringbridge_port_suspensions_total", "port=a", "cause=driver"));
        assertEquals(0, suspended.value("ringbridge_port_suspensions_total", "port=b", "cause=operator"));
        assertEquals(1, suspended.value("ringbridge_port_attachments_total", "port=a"));
        assertEquals(MTU, suspended.value("ringbridge_port_mtu_bytes", "port=a"));
        a.port.resume(SuspendCause.OPERATOR);
        a.port.resume(SuspendCause.DRIVER);
        assertEquals(0, new Scrape(metrics.text()).value("ringbridge_port_state", "port=a", "state=suspended"));
    }

    @Test
    void aPortThatIsRemovedIsNoLongerExported() {
        start(1, PollMode.ADAPTIVE);
        final SwitchMetrics metrics = new SwitchMetrics(datapath);
        datapath.addUplinkPort("up", 2, MTU);
        final Scrape before = new Scrape(metrics.text());
        assertEquals(0, before.value("ringbridge_port_frames_total", "port=up", "queue=1", "direction=out"));
        datapath.remove(datapath.ports().stream().filter(port -> port.name().equals("up")).findFirst().orElseThrow());
        assertTrue(metrics.text().lines()
            .noneMatch(line -> line.contains("port=\"up\"")));
    }

    @Test
    void everyMetricIsExportedAsItIsDeclared() {
        start(1, PollMode.ADAPTIVE);
        datapath.mirror("m", datapath.ports().getFirst(), true, true, datapath.ports().getLast());
        final Scrape scrape = new Scrape(new SwitchMetrics(datapath).text());
        for (final Metric metric : Metric.values()) {
            final String type = metric.type() == Metric.Type.INFO ? "gauge"
                : metric.type().name().toLowerCase(Locale.ROOT);
            assertEquals(type, scrape.types.get(metric.exported()), metric.exported());
            assertEquals(metric.help(), scrape.helps.get(metric.exported()));
            final boolean histogram = metric.type() == Metric.Type.HISTOGRAM;
            assertEquals(new TreeSet<>(metric.labels()),
                scrape.labels.get(metric.exported() + (histogram ? "_count" : "")), metric.exported());
        }
        final Set<String> own = scrape.types.keySet().stream().filter(name -> name.startsWith("ringbridge"))
            .collect(Collectors.toSet());
        assertEquals(Arrays.stream(Metric.values()).map(Metric::exported).collect(Collectors.toSet()), own);
    }

    @Test
    void theDocumentListsEveryMetric() throws IOException {
        final List<String> rows = Files.readAllLines(DOCUMENT);
        for (final Metric metric : Metric.values()) {
            final String labels = metric.labels().stream().map(label -> '`' + label + '`')
                .collect(Collectors.joining(", "));
            final String row = "| `" + metric.exported() + "` | "
                + metric.type().name().toLowerCase(Locale.ROOT) + " | " + labels + " | " + metric.help()
                + " |";
            assertTrue(rows.contains(row), "docs/operations/metrics.md needs the line: " + row);
        }
        start(1, PollMode.ADAPTIVE);
        datapath.mirror("m", datapath.ports().getFirst(), true, true, datapath.ports().getLast());
        final String text = String.join("\n", rows);
        for (final String name : new Scrape(new SwitchMetrics(datapath).text()).types.keySet()) {
            assertTrue(text.contains('`' + name + '`'), name + " is not in docs/operations/metrics.md");
        }
        assertEquals(Metric.values().length, rows.stream().filter(row -> row.startsWith("| `ringbridge_")).count(),
            "the document has metrics that are not exported");
    }
}
