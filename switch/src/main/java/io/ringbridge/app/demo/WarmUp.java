package io.ringbridge.app.demo;

import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.DatapathOptions;
import io.ringbridge.datapath.driver.DirectGuest;
import io.ringbridge.datapath.driver.QueuePair;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.os.ThreadTuning;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.ring.Features;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * Has the code that moves frames compiled before the first frame arrives.
 *
 * <p>Guests in this process send to each other over their own datapath, while the switch waits for its guests. Without
 * the warm-up, the compiler shares the processors with the frames, and the first second moves half as many frames as
 * later seconds.
 *
 * <p>The two guests of a round negotiate different features, so that the code for both ring layouts and for headers
 * with offloads is compiled. A second round follows, because the code compiled in the first one is discarded when other
 * memory appears.
 *
 * <p>{@link #prepare} acquires all system resources, which are only released later. So the number of open descriptors
 * of a serving switch never grows. One thread prepares; {@link #begin} starts a thread for the rest.
 */
public final class WarmUp implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(WarmUp.class);
    private static final long SPLIT = Frontend.DEFAULT_FEATURES | Features.of(Features.CSUM, Features.GUEST_CSUM);
    private static final long PACKED = Frontend.DEFAULT_FEATURES
        | Features.of(Features.RING_PACKED, Features.EVENT_IDX, Features.IN_ORDER);
    private static final int ROUNDS = 2;
    private static final int LENGTH = 64;
    private static final int BUFFER = 256;
    private static final int MTU = 1500;
    /** The duration of each direction. If it is shorter, the compiler does not finish. */
    private static final long NANOS_PER_DIRECTION = TimeUnit.MILLISECONDS.toNanos(250);

    private final Datapath datapath = Datapath.prepare(DatapathOptions.DEFAULT);
    private final Deque<Round> rounds = new ArrayDeque<>();

    /** Two guests that send to each other, whose ports are suspended until it is their turn. */
    private record Round(List<GuestPort> ports, DirectGuest a, DirectGuest b) implements AutoCloseable {
        @Override
        public void close() {
            a.close();
            b.close();
        }
    }

    private WarmUp() {
    }

    /**
     * Creates the guests; no frame moves yet.
     *
     * @return empty, after a warning, if the system lacks the resources: the switch can serve without a warm-up
     */
    public static Optional<WarmUp> prepare() {
        try {
            return Optional.of(guests());
        } catch (final OsException e) {
            warn(e);
            return Optional.empty();
        }
    }

    private static WarmUp guests() {
        final WarmUp warmUp = new WarmUp();
        try {
            for (int i = 0; i < ROUNDS; i++) {
                warmUp.add(i);
            }
            return warmUp;
        } catch (final OsException e) {
            warmUp.close();
            throw e;
        }
    }

    private static void warn(final RuntimeException failure) {
        LOG.warn("the warm-up failed, so the first frames will be slow: {}", failure.getMessage());
        LOG.debug("the warm-up failed", failure);
    }

    private void add(final int round) {
        final List<GuestPort> ports =
            List.of(datapath.addGuestPort("a" + round, 1, MTU), datapath.addGuestPort("b" + round, 1, MTU));
        ports.forEach(port -> port.suspend(SuspendCause.UPGRADE));
        final DirectGuest a = new DirectGuest(ports.getFirst(), SPLIT, Demo.QUEUES.size(), BUFFER);
        try {
            rounds.add(new Round(ports, a, new DirectGuest(ports.getLast(), PACKED, Demo.QUEUES.size(), BUFFER)));
        } catch (final OsException e) {
            a.close();
            throw e;
        }
    }

    /** Starts the warm-up on a new thread, which closes this object at its end. Returns the thread. */
    public Thread begin() {
        return Thread.ofPlatform().daemon().name("rb-warm-up").start(() -> {
            try {
                final long begun = System.nanoTime();
                ThreadTuning.lowerPriority(); // to the start of the switch, and to guests that are already attached
                run();
                LOG.info("warmed up for {} ms", TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begun));
            } catch (final RuntimeException e) {
                warn(e);
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
            }
        });
    }

    void run() throws InterruptedException {
        try (this) {
            datapath.run(Datapath.listener(failure -> LOG.debug("a worker failed in the warm-up", failure)));
            while (!rounds.isEmpty()) {
                try (Round round = rounds.remove()) {
                    exchange(round);
                }
            }
        }
    }

    private void exchange(final Round round) throws InterruptedException {
        final QueuePair a = round.a().queues();
        final QueuePair b = round.b().queues();
        resume(round.ports());
        Demo.introduce(a, b);
        send(Demo.flow(a, b, LENGTH));
        send(Demo.flowBack(a, b, LENGTH));
        // Compiles the code that an upgrade runs while no frame moves.
        datapath.whileFrozen(() -> round.ports().forEach(port -> port.suspend(SuspendCause.UPGRADE)));
        resume(round.ports());
    }

    private void resume(final List<GuestPort> ports) {
        datapath.whileFrozen(() -> ports.forEach(port -> port.resume(SuspendCause.UPGRADE)));
    }

    private static void send(final Flow flow) throws InterruptedException {
        new Traffic(flow, () -> false).throughput(NANOS_PER_DIRECTION, _ -> { });
    }

    @Override
    public void close() {
        rounds.forEach(Round::close);
        rounds.clear();
        datapath.close();
    }
}
