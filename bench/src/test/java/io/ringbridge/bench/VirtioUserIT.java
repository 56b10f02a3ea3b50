package io.ringbridge.bench;

import io.ringbridge.bench.peer.Program;
import io.ringbridge.bench.peer.SwitchConfig;
import io.ringbridge.bench.peer.SwitchProcess;
import io.ringbridge.bench.peer.Testpmd;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.time.Duration;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** DPDK's virtio-user attaches to ports of both modes. Its devices are the output of {@code ringbridge attach}. */
@Timeout(180)
class VirtioUserIT {
    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final String DEVICE = "--vdev=";

    @Test
    void testpmdAttachesWithThePrintedDevices() {
        Required.programs(Testpmd.PROGRAM);
        final SwitchConfig config =
            new SwitchConfig().set("poll", "adaptive").server("a", 2).client("b");
        try (SwitchProcess ringbridge = SwitchProcess.start(config);
             Testpmd a = start("a", 2, ringbridge);
             Testpmd b = start("b", 1, ringbridge)) {
            ringbridge.awaitState("running", LIMIT, "a", "b");
            assertEquals(2, ringbridge.port("a").path("queues").asInt());
            assertEquals(true, a.isAlive() && b.isAlive());
        }
    }

    private static Testpmd start(final String port, final int queues, final SwitchProcess ringbridge) {
        final String printed = Program.run(LIMIT, SwitchProcess.launcher().toString(), "attach", port, "--for",
            "virtio-user", "--api", ringbridge.socket("api").toString());
        final String device = printed.lines().filter(line -> line.startsWith(DEVICE)).findFirst().orElseThrow()
            .substring(DEVICE.length());
        return new Testpmd.Builder("attach-" + port, 0).device(device).option("--rxq=" + queues)
            .option("--txq=" + queues).start();
    }
}
