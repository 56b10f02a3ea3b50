package io.ringbridge.app;

import io.ringbridge.api.ApiException;
import io.ringbridge.api.InterruptionView;
import io.ringbridge.api.LatencyView;
import io.ringbridge.config.Config;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.datapath.port.Interruption;
import io.ringbridge.datapath.port.InterruptionCause;
import io.ringbridge.datapath.port.Port;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The latencies and interruptions of a switch with two guests, as the API shows them. */
@Timeout(120)
class MeasurementsTest {
    private static final long HELD_MILLIS = 20;

    @TempDir
    private Path dir;

    private Config config(final int sample) {
        return ConfigReader.parse("test", "latency: {sample: " + sample + "}\nstate: none\nports: [{name: a, socket: "
            + dir.resolve("a") + "}, {name: b, socket: " + dir.resolve("b") + "}]");
    }

    private static Switch start(final Config config) {
        final Switch running = Switch.start(config);
        running.openPorts();
        return running;
    }

    private TalkingGuests guests() throws IOException {
        return new TalkingGuests(dir.resolve("a"), dir.resolve("b"), Frontend.DEFAULT_FEATURES);
    }

    private static Port port(final Switch running, final String name) {
        return running.datapath().ports().stream().filter(port -> port.name().equals(name)).findFirst().orElseThrow();
    }

    private static Interruption last(final Switch running, final String name) {
        return port(running, name).interruptions().stream()
            .filter(one -> one.cause() == InterruptionCause.UPGRADE).toList().getLast();
    }

    /** The causes at a port, except the stalls of a busy machine. */
    private static List<String> causes(final Switch running, final String port) {
        return running.interruptions().views(port).stream().map(InterruptionView::cause)
            .filter(cause -> !cause.equals(InterruptionCause.WORKER_STALL.label())).toList();
    }

    private static void hold(final long[] held) {
        held[0] = System.nanoTime();
        try {
            Thread.sleep(HELD_MILLIS);
        } catch (final InterruptedException e) {
            throw new IllegalStateException(e);
        }
        held[1] = System.nanoTime();
    }

    @Test
    void interruptionsSurviveAnUpgradeWhichIsOneOfThem() throws IOException {
        Switch running = start(config(1));
        try (TalkingGuests guests = guests()) {
            guests.exchange(10);
            assertEquals(List.of(), causes(running, "a"));
            running.ports().suspend("a");
            final InterruptionView ongoing = running.interruptions().views("a").getLast();
            assertTrue(ongoing.ongoing());
            final long[][] held = new long[2][2];
            for (final long[] each : held) {
                running = LocalUpgrade.run(dir, running, config(1), () -> hold(each));
                for (final String name : List.of("a", "b")) {
                    final Interruption upgrade = last(running, name);
                    assertFalse(upgrade.ongoing());
                    assertTrue(upgrade.start() - each[0] <= 0, "it began before the new process went");
                    assertTrue(upgrade.start() + upgrade.nanos() - each[1] >= 0, "it ended after that");
                }
            }
            assertTrue(running.interruptions().views("a").getFirst().ongoing(), "the operator has not resumed it");
            running.ports().resume("a");
            assertFalse(running.interruptions().views("a").getFirst().ongoing());
            guests.exchange(10);
            assertEquals(List.of("suspended-by-operator", "upgrade", "upgrade"), causes(running, "a"));
            assertEquals(List.of("upgrade", "upgrade"), causes(running, "b"));
            assertInOrder(running.interruptions().views(null));
        } finally {
            running.close();
        }
    }

    private static void assertInOrder(final List<InterruptionView> views) {
        for (int i = 1; i < views.size(); i++) {
            assertFalse(Instant.parse(views.get(i).start()).isBefore(Instant.parse(views.get(i - 1).start())));
        }
    }

    @Test
    void anUpgradeThatFailsIsAnInterruptionToo() throws IOException {
        final Switch running = start(config(0));
        try (TalkingGuests guests = guests()) {
            guests.exchange(10);
            assertThrows(RuntimeException.class,
                () -> LocalUpgrade.handOver(dir, running, from -> LocalUpgrade.leaveAfterPositions(from, 2)));
            guests.exchange(10);
            assertEquals(List.of("upgrade"), causes(running, "a"));
            assertFalse(last(running, "a").ongoing());
        } finally {
            running.close();
        }
    }

    @Test
    void sampledFramesAreShownAtThePortTheyLeaveBy() throws IOException {
        final Switch running = start(config(1));
        try (TalkingGuests guests = guests()) {
            guests.exchange(300);
            final LatencyView all = running.latency().view(null);
            assertEquals(1, all.sample());
            assertEquals(List.of("a", "b"), all.ports().stream().map(LatencyView.OfPort::port).toList());
            for (final LatencyView.OfPort port : all.ports()) {
                assertTrue(port.samples() > 0);
                final LatencyView.Percentiles total = port.totalNanos();
                assertTrue(0 < total.p50() && total.p50() <= total.p90() && total.p90() <= total.p99()
                    && total.p99() <= total.p999() && total.p999() <= total.max());
                assertTrue(port.frameRingNanos().p50() <= total.max());
                assertFalse(Instant.parse(port.since()).isAfter(Instant.now()));
            }
            assertEquals(List.of("b"),
                running.latency().view("b").ports().stream().map(LatencyView.OfPort::port).toList());
            assertEquals(404, assertThrows(ApiException.class, () -> running.latency().view("c")).status());
            assertEquals(404, assertThrows(ApiException.class, () -> running.interruptions().views("c")).status());
        } finally {
            running.close();
        }
    }

    @Test
    void nothingIsSampledIfSamplingIsOff() throws IOException {
        final Switch running = start(config(0));
        try (TalkingGuests guests = guests()) {
            guests.exchange(300);
            assertEquals(0, running.latency().view(null).sample());
            running.latency().view(null).ports().forEach(port -> {
                assertEquals(0, port.samples());
                assertEquals(new LatencyView.Percentiles(0, 0, 0, 0, 0), port.totalNanos());
            });
        } finally {
            running.close();
        }
    }
}
