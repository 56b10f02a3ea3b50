package io.ringbridge.bench.compare;

import io.ringbridge.bench.machine.Await;
import io.ringbridge.bench.machine.BenchException;
import io.ringbridge.bench.peer.Testpmd.Statistics;
import io.ringbridge.bench.peer.Testpmd;
import io.ringbridge.bench.trial.Watch;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.DoubleStream;

/**
 * The load of circulating frames: testpmd with a virtio-user device on each of the two ports, which returns every
 * received frame. The number of frames is fixed, so the load never exceeds what the system can accept, and a lost frame
 * stays missing.
 */
final class LoopRig implements AutoCloseable {
    private static final String MAC_A = "52:54:00:00:00:a0";
    private static final String MAC_B = "52:54:00:00:00:b0";
    private static final int QUEUE_SIZE = 1024;
    /** The packet buffers that the four rings hold. */
    static final int BUFFERS = 4 * QUEUE_SIZE;
    /** Bytes of the longest frame that the default MTU of all systems allows. */
    static final int LONGEST = 1514;
    /** The size of a packet buffer of DPDK with its headroom, in bytes. */
    static final int BUFFER = 2176;
    private static final int BURST = 32;
    private static final int SLICES = 4;
    private static final Duration DRAIN_LIMIT = Duration.ofSeconds(5);
    private static final Duration CIRCULATION_LIMIT = Duration.ofSeconds(20);

    private final Testpmd testpmd;

    LoopRig(final Contender.Running contender, final Variant variant, final Placement placement) {
        final String options = variant.options() + ",queue_size=" + QUEUE_SIZE
            + (contender.frontEndListens() ? ",server=1" : "");
        if (contender.frontEndListens()) {
            contender.sockets().forEach(LoopRig::removeLeftover);
        }
        testpmd = new Testpmd.Builder("loop", placement.generatorCpu()).hugepages(placement.hugepages())
            .memory(512, 16384)
            .device(Testpmd.virtioUser(0, contender.sockets().get(0), MAC_A, options))
            .device(Testpmd.virtioUser(1, contender.sockets().get(1), MAC_B, options))
            .option("--txd=" + QUEUE_SIZE).option("--rxd=" + QUEUE_SIZE)
            .option("--eth-peer=0," + MAC_B).option("--eth-peer=1," + MAC_A).option("--forward-mode=io")
            .start();
    }

    private static void removeLeftover(final Path socket) {
        try {
            Files.deleteIfExists(socket);
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Returns the ID of the process that sends. */
    long pid() {
        return testpmd.pid();
    }

    /**
     * Measures with frames of one size.
     *
     * @param bursts the number of bursts of 32 frames that circulate in each direction
     * @param watch  observes the machine
     */
    Measurement measure(final int frameSize, final int bursts, final Duration warmUp, final Duration period,
        final Watch watch) {
        testpmd.command("set txpkts " + frameSize);
        startCirculation(bursts);
        Await.pass(warmUp);
        final double[] rates = new double[SLICES];
        watch.sample();
        for (int i = 0; i < SLICES; i++) {
            statistics();
            watch.start();
            Await.pass(period.dividedBy(SLICES));
            rates[i] = statistics().stream().mapToLong(Statistics::rxPps).sum();
            watch.stop();
            watch.sample();
        }
        testpmd.command("stop");
        final long circulating = missing();
        final long lost = Await.holds(DRAIN_LIMIT, this::drain) ? 0 : missing();
        return new Measurement(DoubleStream.of(rates).average().orElseThrow(), rates[SLICES - 1] / rates[0],
            watch.conditions(), circulating, lost);
    }

    /**
     * Empties the receive rings, which testpmd does first when it starts forwarding.
     *
     * @return whether no frame is missing afterwards
     */
    private boolean drain() {
        testpmd.command("start");
        testpmd.command("stop");
        return missing() == 0;
    }

    /**
     * Starts the circulation, and repeats that until frames return. A contender may start to forward after the
     * front-end has connected, and frames sent before that are lost.
     */
    private void startCirculation(final int bursts) {
        final long manyRounds = 100L * bursts * BURST;
        final boolean circulates = Await.holds(CIRCULATION_LIMIT, () -> {
            testpmd.command("clear port stats all");
            testpmd.command("start tx_first " + bursts);
            final long before = received();
            if (Await.holds(Duration.ofSeconds(1), () -> received() - before > manyRounds)) {
                return true;
            }
            testpmd.command("stop");
            drain();
            return false;
        });
        if (!circulates) {
            throw new BenchException("frames do not circulate; output of testpmd:\n" + testpmd.output().tail());
        }
    }

    private long received() {
        return statistics().stream().mapToLong(Statistics::rxPackets).sum();
    }

    private long missing() {
        return statistics().stream().mapToLong(port -> port.txPackets() - port.rxPackets()).sum();
    }

    private List<Statistics> statistics() {
        return testpmd.allStatistics();
    }

    @Override
    public void close() {
        testpmd.close();
    }
}
