package io.ringbridge.app.demo;

import io.ringbridge.api.PortView;
import io.ringbridge.app.Switch;
import io.ringbridge.app.SwitchException;
import io.ringbridge.config.Config;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.frontend.Guest;
import io.ringbridge.datapath.driver.QueuePair;
import io.ringbridge.datapath.driver.QueueShape;
import io.ringbridge.datapath.worker.PollMode;
import org.HdrHistogram.Histogram;
import org.agrona.concurrent.YieldingIdleStrategy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * A switch with two guests that send frames to each other. Any thread may call {@link #cancel}; one thread calls the
 * other methods.
 */
public final class Demo implements AutoCloseable {
    /** The shortest duration in which every measurement has enough time. */
    public static final int MIN_SECONDS = 3;
    /** The dimensions of the guests' queues. */
    static final QueueShape QUEUES = new QueueShape(256, 2048);

    /** With so few processors, a spinning worker would take whole time slices from guests on its processor. */
    private static final int SHORT_OF_PROCESSORS = 3;
    private static final int[] LENGTHS = {64, 512, 1500};
    private static final long BROADCAST = 0xFFFF_FFFF_FFFFL;
    /** Locally administered: 02:00:00:00:00:0a and :0b, first byte lowest. */
    private static final long ADDRESS_A = 0x0A00_0000_0002L;
    private static final long ADDRESS_B = 0x0B00_0000_0002L;
    private static final long SETTLE_NANOS = TimeUnit.SECONDS.toNanos(5);

    private final Path directory;
    private final Switch running;
    /** The guests a and b, once they are attached. */
    private final List<Guest> guests = new ArrayList<>();
    private volatile boolean cancelled;

    /** Receives intermediate results. */
    @FunctionalInterface
    public interface Watcher {
        /** Reports the rate of the last second for the current frame length. */
        void rate(int frameBytes, long framesPerSecond);
    }

    private Demo(final Path directory, final Switch running) {
        this.directory = directory;
        this.running = running;
    }

    /** Starts the switch and attaches the guests. */
    public static Demo start() {
        try {
            final Path directory = Files.createTempDirectory("ringbridge-demo-");
            final PollMode poll = Runtime.getRuntime().availableProcessors() > SHORT_OF_PROCESSORS ? PollMode.BUSY
                : PollMode.ADAPTIVE;
            final Demo demo = new Demo(directory, Switch.start(Config.DEFAULT.withPoll(poll).withPorts(List.of(
                ConfigReader.parsePort("demo", "name=a,socket=" + directory.resolve("a.sock")),
                ConfigReader.parsePort("demo", "name=b,socket=" + directory.resolve("b.sock"))))));
            try {
                demo.running.openPorts();
                demo.guests.add(Guest.attach(directory.resolve("a.sock"), Frontend.DEFAULT_FEATURES, QUEUES));
                demo.guests.add(Guest.attach(directory.resolve("b.sock"), Frontend.DEFAULT_FEATURES, QUEUES));
                introduce(demo.a(), demo.b());
                return demo;
            } catch (final IOException | RuntimeException e) {
                demo.close();
                throw e;
            }
        } catch (final IOException e) {
            throw new SwitchException("the demo cannot start: " + e.getMessage(), e);
        }
    }

    /** Sends one broadcast from each guest, so that the switch learns their addresses. */
    static void introduce(final QueuePair a, final QueuePair b) {
        broadcast(new Flow(a.transmitter(), b.receiver(), LENGTHS[0], ADDRESS_A, BROADCAST));
        broadcast(new Flow(b.transmitter(), a.receiver(), LENGTHS[0], ADDRESS_B, BROADCAST));
    }

    private static void broadcast(final Flow flow) {
        flow.sendOne(0);
        final long late = System.nanoTime() + SETTLE_NANOS;
        while (flow.receiveOne() < 0) {
            if (System.nanoTime() > late) {
                throw new SwitchException("the demo's guests did not receive each other's broadcasts");
            }
            YieldingIdleStrategy.INSTANCE.idle();
        }
    }

    /** Measures every frame length. Returns empty if the run was cancelled. */
    public Optional<DemoReport> run(final int seconds, final Watcher watcher) throws InterruptedException {
        final long start = System.nanoTime();
        final long total = TimeUnit.SECONDS.toNanos(seconds);
        final long warmUp = Math.min(total / 4, TimeUnit.SECONDS.toNanos(2));
        final long share = (total - warmUp) / LENGTHS.length;
        new Traffic(flow(LENGTHS[0]), () -> cancelled).throughput(warmUp * 3 / 4, _ -> { });
        new Traffic(flow(LENGTHS[0]), () -> cancelled).latency(warmUp / 4);
        final List<DemoReport.Result> results = new ArrayList<>();
        for (final int length : LENGTHS) {
            results.add(measure(length, share, watcher));
            if (cancelled) {
                return Optional.empty();
            }
        }
        return Optional.of(new DemoReport((System.nanoTime() - start) / 1e9, running.workers().views().size(),
            "one direction, guest a to guest b, at most " + Flow.WINDOW + " frames in flight",
            "one way, guest a to guest b, 20000 frames per second", results));
    }

    private DemoReport.Result measure(final int length, final long nanos, final Watcher watcher)
        throws InterruptedException {
        final long[] before = counters();
        final Flow bulk = flow(length);
        final double rate =
            new Traffic(bulk, () -> cancelled).throughput(nanos * 2 / 3, frames -> watcher.rate(length, frames));
        final Flow single = flow(length);
        final Histogram histogram = new Traffic(single, () -> cancelled).latency(nanos / 3);
        final long frames = bulk.received() + single.received();
        final long dropped = verify(before, frames);
        return new DemoReport.Result(length, rate / 1e6, rate * length * Byte.SIZE / 1e9, frames, dropped,
            new DemoReport.Latency(micros(histogram, 50), micros(histogram, 90), micros(histogram, 99),
                micros(histogram, 99.9), histogram.getMaxValue() / 1e3, histogram.getTotalCount()));
    }

    private Flow flow(final int length) {
        return flow(a(), b(), length);
    }

    private QueuePair a() {
        return guests.getFirst().queues();
    }

    private QueuePair b() {
        return guests.getLast().queues();
    }

    static Flow flow(final QueuePair a, final QueuePair b, final int length) {
        return new Flow(a.transmitter(), b.receiver(), length, ADDRESS_A, ADDRESS_B);
    }

    static Flow flowBack(final QueuePair a, final QueuePair b, final int length) {
        return new Flow(b.transmitter(), a.receiver(), length, ADDRESS_B, ADDRESS_A);
    }

    private static double micros(final Histogram histogram, final double percentile) {
        return histogram.getValueAtPercentile(percentile) / 1e3;
    }

    /**
     * Checks that the switch has counted the frames that the guests have received. Its counters may lag behind the
     * frames.
     *
     * @return the number of dropped frames
     */
    private long verify(final long[] before, final long frames) {
        final long late = System.nanoTime() + SETTLE_NANOS;
        while (true) {
            final long[] now = counters();
            if (now[0] - before[0] == frames && now[1] - before[1] == frames) {
                return now[2] - before[2];
            }
            if (System.nanoTime() > late) {
                throw new SwitchException("the guests received " + frames + " frames, but the switch counted "
                    + (now[0] - before[0]) + " in and " + (now[1] - before[1]) + " out");
            }
            Thread.onSpinWait();
        }
    }

    private long[] counters() {
        final List<PortView> ports = running.ports().views();
        return new long[] {ports.getFirst().inFrames(), ports.getLast().outFrames(),
            ports.stream().flatMap(port -> port.drops().values().stream()).mapToLong(Long::longValue).sum()};
    }

    /** Ends a run early. */
    public void cancel() {
        cancelled = true;
    }

    @Override
    public void close() {
        guests.forEach(Guest::close);
        running.close();
        try {
            Files.deleteIfExists(directory);
        } catch (IOException _) {
            // Another program has put a file there; it is not removed.
        }
    }
}
