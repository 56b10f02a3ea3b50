package io.ringbridge.bench.load;

import io.ringbridge.bench.backend.Guest;
import io.ringbridge.bench.backend.RingSpec;
import io.ringbridge.bench.backend.Target;
import io.ringbridge.bench.machine.BenchException;
import io.ringbridge.bench.trial.ThreadTimes;
import io.ringbridge.datapath.os.ThreadTuning;
import org.jspecify.annotations.Nullable;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;

/** Guests attached to all ports of a back-end. Owned by one thread. */
public final class Rig implements AutoCloseable {
    /** The maximum number of stations behind all ports together. */
    public static final int MAX_STATIONS = Wire.STATIONS;

    private static final long HELLO_NANOS = TimeUnit.SECONDS.toNanos(10);
    private static final long HELLO_INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
    /** Time for the threads to start before the first frame is due. */
    private static final long LEAD_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

    private final List<Integer> cpus;
    private final List<Guest> guests = new ArrayList<>();
    private final List<LaneSender> senders = new ArrayList<>();
    private final List<LaneReceiver> receivers = new ArrayList<>();
    private int trial;

    private Rig(final List<Integer> cpus) {
        this.cpus = cpus;
    }

    /**
     * Attaches a guest to every port, and waits until each receives a frame from the previous one.
     *
     * @param longest bytes of the longest frame that will be sent
     * @param stations the number of stations behind each port, at most {@link #MAX_STATIONS} in all
     * @param cpus one processor per thread that sends and receives; if empty, one thread that is not pinned
     * @throws BenchException if a guest cannot attach, or receives no frame
     */
    public static Rig attach(final Target target, final RingSpec rings, final int longest, final int stations,
                             final List<Integer> cpus) {
        final Rig rig = new Rig(cpus);
        try {
            for (int i = 0; i < target.ports(); i++) {
                rig.guests.add(Guest.attach(target, i, rings, longest));
            }
            for (int i = 0; i < target.ports(); i++) {
                final int next = (i + 1) % target.ports();
                final LaneSender sender = new LaneSender(i, next, stations, rig.guests.get(i).transmitters());
                rig.senders.add(sender);
                rig.receivers.add(new LaneReceiver(sender, i, rig.guests.get(next).receivers()));
            }
            rig.introduce(target);
            return rig;
        } catch (final RuntimeException e) {
            rig.close();
            throw e;
        }
    }

    /**
     * Broadcasts a frame from every guest, so that the back-end learns the stations. Repeats the frames until every
     * guest has received one, because frames are lost until the back-end forwards.
     */
    private void introduce(final Target target) {
        final long start = System.nanoTime();
        prepare(new Load(new FrameMix("hello", List.of(FrameMix.SHORTEST)), 1, Duration.ofSeconds(1)), start,
            Recording.NONE);
        long sent = start - HELLO_INTERVAL_NANOS;
        while (receivers.stream().anyMatch(receiver -> receiver.received() == 0)) {
            final long now = System.nanoTime();
            if (now - sent >= HELLO_INTERVAL_NANOS) {
                senders.forEach(LaneSender::hello);
                sent = now;
            }
            if (now - start > HELLO_NANOS) {
                final int deaf = IntStream.range(0, receivers.size()).filter(i -> receivers.get(i).received() == 0)
                    .findFirst().orElse(0);
                throw new BenchException("frames of " + target.socket(deaf) + " do not reach "
                    + target.socket((deaf + 1) % guests.size())
                    + ": the back-end must forward between all ports");
            }
            receivers.forEach(LaneReceiver::receive);
            Thread.onSpinWait();
        }
    }

    private void prepare(final Load load, final long start, final Recording recording) {
        trial++;
        final int lanes = senders.size();
        final double interval = load.isSaturation() ? 0 : lanes * 1e9 / load.framesPerSecond();
        for (int i = 0; i < lanes; i++) {
            senders.get(i).begin(trial, load.mix(), start + (long) (interval * i / lanes), interval);
            receivers.get(i).begin(trial, Latencies.of(recording, start, load.duration()));
        }
    }

    /** Whether the memory of all guests is in huge pages. */
    public boolean hasHugePages() {
        return guests.stream().allMatch(Guest::hasHugePages);
    }

    /** Returns the number of ports. */
    public int ports() {
        return guests.size();
    }

    /** Runs a trial with polling guests, without recording latencies. */
    public Outcome run(final Load load) throws InterruptedException {
        return run(load, Notified.BUSY, Recording.NONE);
    }

    /** Runs a trial. */
    public Outcome run(final Load load, final Notified notified, final Recording recording)
        throws InterruptedException {
        final long start = System.nanoTime() + LEAD_NANOS;
        prepare(load, start, recording);
        final Crew crew = new Crew();
        if (notified == Notified.INTERRUPT) {
            final Generator all = new Generator(senders, receivers, start, load);
            crew.add(cpus.isEmpty() ? -1 : cpus.getFirst(), all::send);
            crew.add(cpus.isEmpty() ? -1 : cpus.getLast(), all::receiveNotified);
        } else {
            final int threads = Math.clamp(cpus.size(), 1, senders.size());
            for (int t = 0; t < threads; t++) {
                crew.add(cpus.isEmpty() ? -1 : cpus.get(t), new Generator(share(senders, t, threads),
                    share(receivers, t, threads), start, load)::carry);
            }
        }
        crew.join();
        final List<Latencies> latencies = receivers.stream().map(LaneReceiver::latencies).filter(Objects::nonNull)
            .toList();
        return new Outcome(load, senders.stream().mapToLong(LaneSender::total).sum(),
            receivers.stream().mapToLong(LaneReceiver::received).sum(),
            receivers.stream().mapToLong(LaneReceiver::receivedInTime).sum(),
            receivers.stream().mapToLong(LaneReceiver::misordered).sum(), load.duration().toNanos(),
            Latencies.whole(latencies), Latencies.seconds(latencies), crew.times());
    }

    private static <T> List<T> share(final List<T> all, final int thread, final int threads) {
        return IntStream.range(0, all.size()).filter(i -> i % threads == thread).mapToObj(all::get).toList();
    }

    @Override
    public void close() {
        guests.forEach(Guest::close);
    }

    /** The threads of one trial. */
    private static final class Crew {
        private final List<Thread> threads = new ArrayList<>();
        private final List<ThreadTimes> times = Collections.synchronizedList(new ArrayList<>());
        private final AtomicReference<@Nullable RuntimeException> failure = new AtomicReference<>();

        /** Starts a thread on a processor, or unpinned if {@code cpu} is negative. */
        void add(final int cpu, final Runnable body) {
            threads.add(Thread.ofPlatform().daemon().name("bench-load-" + threads.size()).start(() -> {
                try {
                    if (cpu >= 0) {
                        ThreadTuning.pin(cpu);
                    }
                    final ThreadTimes before = ThreadTimes.own();
                    body.run();
                    times.add(ThreadTimes.own().since(before));
                } catch (final RuntimeException e) {
                    failure.compareAndSet(null, e);
                }
            }));
        }

        /** Returns the scheduling of each thread. Requires an earlier {@link #join}. */
        List<ThreadTimes> times() {
            return List.copyOf(times);
        }

        void join() throws InterruptedException {
            for (final Thread thread : threads) {
                thread.join();
            }
            final RuntimeException first = failure.get();
            if (first != null) {
                throw new BenchException("the load failed: " + first.getMessage(), first);
            }
        }
    }
}
