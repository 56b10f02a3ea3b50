package io.ringbridge.bench.learning;

import io.ringbridge.bench.backend.Guest;
import io.ringbridge.bench.backend.RingSpec;
import io.ringbridge.bench.backend.Target;
import io.ringbridge.bench.harness.Await;
import io.ringbridge.bench.harness.HarnessException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.LongUnaryOperator;
import org.agrona.concurrent.YieldingIdleStrategy;

/**
 * The three guests, and what they do in one trial. The testing guest is on the first port, the learning one on the second, the monitoring
 * one on the third; others stay silent.
 */
final class Classroom implements AutoCloseable {
    private static final long SILENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
    private static final Duration HELLO_LIMIT = Duration.ofSeconds(10);
    private static final int BURST = 32;
    /** So few frames under way that no receive ring overflows, and none is lost but by the bridge. */
    private static final int WINDOW = 32;
    private static final int PROBES = 64;
    /** Locally administered: 02:54 and 02:4c with a number of four bytes; the first byte is the lowest. */
    private static final long TESTER = 0x5402L;
    private static final long LEARNED = 0x4C02L;
    private static final int MONITOR_PORT = 2;

    private final Target target;
    private final RingSpec rings;
    private final Duration patience;
    private final Station tester;
    private final Station monitor;
    private Station learner;
    private int trial;
    private long firstAddress;
    private long taught;
    private long flooded;
    private double rate;

    /**
     * Attaches the guests.
     *
     * @param patience how long the bridge may take to forget
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

    boolean hasHugePages() {
        return tester.hasHugePages();
    }

    /** What came of a trial. */
    record Lesson(int addresses, double addressesPerSecond, boolean isLearned) {
    }

    /**
     * Teaches addresses that were never used, and asks for each of them.
     *
     * @param perSecond how fast; infinite: as fast as the bridge takes frames
     */
    Lesson teach(final int addresses, final double perSecond) {
        forget();
        firstAddress += taught;
        taught = addresses;
        introduce();
        send(addresses, perSecond);
        final boolean isLearned = ask(addresses, index -> index) && flooded == 0;
        return new Lesson(addresses, rate, isLearned);
    }

    private long address(final long index) {
        return LEARNED | (firstAddress + index & 0xFFFF_FFFFL) << 16;
    }

    /** The learning guest leaves, which many bridges take as a reason to forget; else its addresses have to age. */
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
        final String what = "the bridge to forget the addresses of a trial: give it a shorter ageing time, or --ageing a longer one";
        Await.until(what, patience, () -> {
            ask(probes, index -> index * step);
            return flooded == probes;
        });
    }

    /** Until the learning and the monitoring guest hear the testing one, and so the bridge forwards and knows where that is. */
    private void introduce() {
        trial++;
        final boolean[] heard = new boolean[2];
        final boolean all = Await.holds(HELLO_LIMIT, () -> {
            tester.write(TESTER, Station.BROADCAST, trial);
            tester.flush();
            heard[0] |= learner.receive(trial) > 0;
            heard[1] |= monitor.receive(trial) > 0;
            return heard[0] && heard[1];
        });
        if (!all) {
            throw new HarnessException("frames of " + target.socket(0) + " do not reach " + target.socket(heard[0] ? MONITOR_PORT : 1)
                + ": the back-end has to be a bridge between its ports");
        }
    }

    /** Sends a frame from each address, and lets the testing guest take them. */
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
            while (burst < BURST && sent < due && learner.write(address(sent), TESTER, trial)) {
                sent++;
                burst++;
            }
            learner.flush();
            final int count = tester.receive(trial);
            monitor.receive(trial);
            received += count;
            now = System.nanoTime();
            if (!isTaken) {
                isTaken = sent == addresses && learner.isTaken();
                takenAt = now;
            }
            heard = count > 0 || burst > 0 || sent < addresses && sent == due ? now : heard;
            if (now - heard > SILENCE_NANOS && !isTaken) {
                throw new HarnessException("the back-end takes no frames from " + target.socket(1));
            }
            YieldingIdleStrategy.INSTANCE.idle(count + burst);
        }
        rate = addresses * 1e9 / Math.max(1, takenAt - start);
    }

    /** Sends a frame to some of the addresses, and counts those that the monitoring guest hears; false if the learning guest missed any. */
    private boolean ask(final int count, final LongUnaryOperator which) {
        trial++;
        flooded = 0;
        int sent = 0;
        int received = 0;
        long now = System.nanoTime();
        long heard = now;
        // A flooded frame comes to both; when the last has come to one, the other's may still be on its way.
        while (received < count && now - heard < SILENCE_NANOS) {
            int burst = 0;
            while (sent < count && sent - received < WINDOW && tester.write(TESTER, address(which.applyAsLong(sent)), trial)) {
                sent++;
                burst++;
            }
            tester.flush();
            final int came = learner.receive(trial);
            received += came;
            flooded += monitor.receive(trial);
            now = System.nanoTime();
            heard = came > 0 || burst > 0 ? now : heard;
            YieldingIdleStrategy.INSTANCE.idle(came + burst);
        }
        settle();
        return received == count;
    }

    /** A frame to everybody goes the same way as those before it: when it is heard, so were they. */
    private void settle() {
        final int asked = trial;
        trial++;
        tester.write(TESTER, Station.BROADCAST, trial);
        tester.flush();
        final long start = System.nanoTime();
        while (System.nanoTime() - start < SILENCE_NANOS) {
            final int[] counts = monitor.receive(asked, trial);
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
