package io.ringbridge.bench;

import com.fasterxml.jackson.databind.JsonNode;
import io.ringbridge.bench.harness.GuestImage;
import io.ringbridge.bench.harness.QemuGuest;
import io.ringbridge.bench.machine.Await;
import io.ringbridge.bench.machine.Machine;
import io.ringbridge.bench.machine.ProjectRoot;
import io.ringbridge.bench.peer.SwitchConfig;
import io.ringbridge.bench.peer.SwitchProcess;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A QEMU guest changes the number of queue pairs it uses with {@code ethtool -L}, while it receives many flows. */
class QueuePairsIT {
    private static final int PAIRS = 4;
    private static final int FLOWS = 8;
    private static final int FRAMES = 1000;
    private static final String ADDRESS_A = "10.77.0.1";
    private static final String ADDRESS_B = "10.77.0.2";
    private static final Duration LIMIT = Duration.ofSeconds(60);

    @ParameterizedTest(name = "{0}")
    @CsvSource({"split, ''", "packed, ',packed=on'"})
    void flowsAreSpreadOverThePairsInUse(final String title, final String device) {
        Required.programs(QemuGuest.PROGRAM, "ethtool");
        Required.programs(GuestImage.PROGRAMS.toArray(String[]::new));
        final GuestImage image = Required.resource("guest image",
            () -> GuestImage.create(ProjectRoot.target().resolve("guest"), "ethtool"));
        final Path directory = Machine.temporaryDirectory(0);
        try (SwitchProcess ringbridge = SwitchProcess.start(new SwitchConfig().set("poll", "adaptive")
                 .server("a", PAIRS).server("b"));
             QemuGuest a = QemuGuest.start(new QemuGuest.Spec("a", "52:54:00:00:05:0a", ADDRESS_A,
                 ringbridge.socket("a"), PAIRS, ",mq=on" + device), image, directory);
             QemuGuest b = QemuGuest.boot(new QemuGuest.Spec("b", "52:54:00:00:05:0b", ADDRESS_B,
                 ringbridge.socket("b"), ""), image, directory)) {
            a.awaitBoot();
            b.awaitPing(ADDRESS_A);
            // In the kernel's list, 1451 is the server's port 5201.
            a.console().check("iperf3 -s -4 -1 -D; until grep -q :1451 /proc/net/tcp; do usleep 50000; done", LIMIT);
            b.console().check("(iperf3 -c " + ADDRESS_A + " -t 8 -P " + FLOWS
                + " >/tmp/flows 2>&1; echo $? >/tmp/end) >/dev/null 2>&1 &", LIMIT);
            for (final int pairs : new int[] {4, 1, 3, 2}) {
                a.console().check("ethtool -L eth0 combined " + pairs, LIMIT);
                final Set<Integer> used = new TreeSet<>(IntStream.range(0, pairs).mapToObj(pair -> 2 * pair).toList());
                Await.until("the device to enable " + pairs + " queue pairs", LIMIT,
                    () -> used.equals(enabled(ringbridge)));
                final Set<Integer> reached = reached(ringbridge);
                assertTrue(used.containsAll(reached), () -> title + ", " + pairs + " pairs: frames reached queues "
                    + reached);
                assertTrue(reached.size() > 1 == pairs > 1, () -> title + ", " + pairs
                    + " pairs: frames reached queues " + reached);
            }
            b.console().check("until [ -s /tmp/end ]; do usleep 100000; done", LIMIT);
            assertEquals("0", b.console().check("cat /tmp/end", LIMIT).strip(),
                () -> b.console().check("cat /tmp/flows", LIMIT));
            b.awaitPing(ADDRESS_A);
        } finally {
            Machine.delete(directory);
        }
    }

    /** Returns the indexes of the enabled receive queues. */
    private static Set<Integer> enabled(final SwitchProcess ringbridge) {
        final Set<Integer> enabled = new TreeSet<>();
        for (final JsonNode queue : ringbridge.show("queues")) {
            if (receives(queue) && queue.path("enabled").asBoolean()) {
                enabled.add(queue.path("index").asInt());
            }
        }
        return enabled;
    }

    private static boolean receives(final JsonNode queue) {
        return queue.path("port").asText().equals("a") && queue.path("index").asInt() % 2 == 0;
    }

    /** Returns the receive queues that get at least one of {@value #FRAMES} frames. */
    private static Set<Integer> reached(final SwitchProcess ringbridge) {
        final Map<Integer, Long> before = delivered(ringbridge);
        final Set<Integer> reached = new TreeSet<>();
        Await.until("frames to arrive", LIMIT, () -> {
            long frames = 0;
            for (final var queue : delivered(ringbridge).entrySet()) {
                final long more = queue.getValue() - before.get(queue.getKey());
                frames += more;
                if (more > 0) {
                    reached.add(queue.getKey());
                }
            }
            return frames >= FRAMES;
        });
        return reached;
    }

    private static Map<Integer, Long> delivered(final SwitchProcess ringbridge) {
        final Map<Integer, Long> delivered = new HashMap<>();
        for (final JsonNode queue : ringbridge.show("queues")) {
            if (receives(queue)) {
                delivered.put(queue.path("index").asInt(), queue.path("out_frames").asLong());
            }
        }
        return delivered;
    }
}
