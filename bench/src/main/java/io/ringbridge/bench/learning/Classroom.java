package io.ringbridge.bench.learning;

import io.ringbridge.bench.backend.Guest;
import io.ringbridge.bench.backend.RingSpec;
import io.ringbridge.bench.backend.Target;
import io.ringbridge.bench.machine.Await;
import io.ringbridge.bench.machine.BenchException;
import org.agrona.concurrent.YieldingIdleStrategy;
import org.jspecify.annotations.Nullable;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.LongUnaryOperator;

/**
 * The three guests of a trial. The testing guest is on the first port, the learning guest on the second and the
 * monitoring guest on the third. Other ports stay silent.
 */
final class Classroom implements AutoCloseable {
    private static final long SILENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
    private static final Duration HELLO_LIMIT = Duration.ofSeconds(10);
    private static final int BURST = 32;
    /**
     * The maximum number of frames in flight: so few that no receive ring overflows, and only the bridge can lose a
     * frame.
     */
    private static final int WINDOW = 32;
    private static final int PROBES = 64;
    /**
     * Locally administered addresses: 02:54 and 02:4c, followed by a number of four bytes. The lowest byte is the first
     * on the wire.
     */
    private static final long TESTER = 0x5402L;
    private static final long LEARNED = 0x4C02L;
    private static final int MONITOR_PORT = 2;

    private final Target target;
    private final RingSpec rings;
    private final Duration patience;
    private final Station tester;
    private final Station monitor;
    private @Nullable Station learner;
    private int trial;
    private long firstAddress;
    private long taught;
    private long flooded;
    private double rate;

    /**
     * Attaches the guests.
     *
     * @param patience the time within which the bridge must forget the addresses of a trial
     */
    Classroom(final Target target, final RingSpec rings, final Duration patience) {
        this.target = target;
        this.rings = rings;
        this.patience = patience;
        tester = station(0);
        try {
            monitor = station(MONITOR_PORT);
        } catch (final RuntimeException e) {
            tester.close();
            throw e;
        }
    }

    private Station station(final int port) {
        return new Station(Guest.attach(target, port, rings, Station.LENGTH));
    }

    /** Returns the process ID of the bridge, or 0 if it is unknown. */
    long pid() {
        return target.pid();
    }

    boolean hasHugePages() {
        return tester.hasHugePages();
    }

    /** The result of a trial. */
    record Lesson(int addresses, double addressesPerSecond, boolean isLearned) {
    }

    /**
     * Teaches the bridge addresses that it has never seen, and then sends a frame to each of them.
     *
     * @param perSecond addresses per second; infinite for as fast as the bridge accepts frames
     */
    Lesson teach(final int addresses, final double perSecond) {
        forget();
        firstAddress += taught;
        taught = addresses;
        introduce();
        send(addresses, perSecond);
        final boolean isLearned = probe(addresses, index -> index) && flooded == 0;
        return new Lesson(addresses, rate, isLearned);
    }

    private Station learner() {
        assert learner != null : "every trial attaches one before it needs it";
        return learner;
    }

    private long address(final long index) {
        return LEARNED | (firstAddress + index & 0xFFFF_FFFFL) << 16;
    }

    /**
     * Disconnects the learning guest, upon which many bridges forget its addresses. Otherwise waits until the addresses
     * have aged out.
     */
    private void forget() {
        if (learner != null) {
            learner.close();
        }
        learner = station(1);
        if (taught == 0) {
            return;
        }
        introduce();
        final int probes = (int) Math.min(PROBES, taught);
        final long step = taught / probes;
        final String what = "the bridge to forget the addresses of a trial; shorten the bridge's ageing time or "
            + "increase --ageing";
        Await.until(what, patience, () -> {
            probe(probes, index -> index * step);
            return flooded == probes;
        });
    }

    /**
     * Broadcasts from the testing guest until both other guests receive a frame. From then on, the bridge forwards and
     * has learned the testing guest.
     */
    private void introduce() {
        trial++;
        final boolean[] heard = new boolean[2];
        final boolean all = Await.holds(HELLO_LIMIT, () -> {
            tester.write(TESTER, Station.BROADCAST, trial);
            tester.flush();
            heard[0] |= learner().receive(trial) > 0;
            heard[1] |= monitor.receive(trial) > 0;
            return heard[0] && heard[1];
        });
        if (!all) {
            throw new BenchException("frames of " + target.socket(0) + " do not reach "
                + target.socket(heard[0] ? MONITOR_PORT : 1)
                + ": the back-end must be a bridge between its ports");
        }
    }

    /** Sends a frame from each address to the testing guest, which receives the frames. */
    private void send(final int addresses, final double perSecond) {
        trial++;
        final long start = System.nanoTime();
        long heard = start;
        long takenAt = start;
        int sent = 0;
        int received = 0;
        boolean isTaken = false;
        long now = start;
        while (!isTaken || received < addresses && now - heard < SILENCE_NANOS) {
            final long due = (long) Math.min(addresses, (now - start) * perSecond / 1e9 + 1);
            int burst = 0;
            while (burst < BURST && sent < due && learner().write(address(sent), TESTER, trial)) {
                sent++;
                burst++;
            }
            learner().flush();
            final int count = tester.receive(trial);
            monitor.receive(trial);
            received += count;
            now = System.nanoTime();
            if (!isTaken) {
                isTaken = sent == addresses && learner().isTaken();
                takenAt = now;
            }
            heard = count > 0 || burst > 0 || sent < addresses && sent == due ? now : heard;
            if (now - heard > SILENCE_NANOS && !isTaken) {
                throw new BenchException("the back-end accepts no frames from " + target.socket(1));
            }
            YieldingIdleStrategy.INSTANCE.idle(count + burst);
        }
        rate = addresses * 1e9 / Math.max(1, takenAt - start);
    }

    /**
     * Sends a frame to some of the addresses, and counts those that the monitoring guest receives.
     *
     * @return whether the learning guest received all of them
     */
    private boolean probe(final int count, final LongUnaryOperator which) {
        trial++;
        flooded = 0;
        int sent = 0;
        int received = 0;
        long now = System.nanoTime();
        long heard = now;
        // A flooded frame goes to both guests. When one has received the last frame, the other's copy may still be in
        // flight.
        while (received < count && now - heard < SILENCE_NANOS) {
            int burst = 0;
            while (sent < count && sent - received < WINDOW && tester.write(TESTER, address(which.applyAsLong(sent)),
                trial)) {
                sent++;
                burst++;
            }
            tester.flush();
            final int arrived = learner().receive(trial);
            received += arrived;
            flooded += monitor.receive(trial);
            now = System.nanoTime();
            heard = arrived > 0 || burst > 0 ? now : heard;
            YieldingIdleStrategy.INSTANCE.idle(arrived + burst);
        }
        settle();
        return received == count;
    }

    /**
     * Broadcasts one more frame and receives it, by which time all earlier frames on the same path have been received
     * as well.
     */
    private void settle() {
        final int probed = trial;
        trial++;
        tester.write(TESTER, Station.BROADCAST, trial);
        tester.flush();
        final long start = System.nanoTime();
        while (System.nanoTime() - start < SILENCE_NANOS) {
            final int[] counts = monitor.receive(probed, trial);
            flooded += counts[0];
            if (counts[1] > 0) {
                return;
            }
            YieldingIdleStrategy.INSTANCE.idle(counts[0]);
        }
    }

    @Override
    public void close() {
        tester.close();
        monitor.close();
        if (learner != null) {
            learner.close();
        }
    }
}
