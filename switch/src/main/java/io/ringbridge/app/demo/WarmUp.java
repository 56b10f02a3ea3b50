package io.ringbridge.app.demo;

import io.ringbridge.control.frontend.DirectGuest;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.frontend.QueuePair;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.os.ThreadTuning;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.worker.Datapath;
import io.ringbridge.datapath.worker.DatapathOptions;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * Has the code that moves frames compiled before the first of them comes: guests of this process send to each other, over a datapath of
 * their own, while the switch waits for its guests. Without it the compiler has to share the processors with the frames, and
 * the first second moves half of what later ones do.
 *
 * <p>Two guests that differ in what they negotiate, so that neither layout of a ring is new to the code, nor a header that asks for
 * something; and then two more, since what is compiled for the first ones is thrown away when memory of others comes up.
 *
 * <p>What it takes of the system is taken when it is prepared, and only given back later: whoever watches what a serving switch has open
 * does not see it grow. Prepared by one thread, and from {@link #begin} on a thread of its own.
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
    /** With less the compiler is not done with all of it. */
    private static final long NANOS_A_WAY = TimeUnit.MILLISECONDS.toNanos(250);

    private final Datapath datapath = Datapath.prepare(DatapathOptions.DEFAULT);
    private final Deque<Round> rounds = new ArrayDeque<>();

    /** Two guests that send to each other, suspended until it is their turn. */
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
     * Makes the guests; nothing moves yet. Nothing but a warning comes of it where the system does not have what they need: a switch
     * serves without.
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
        LOG.warn("the first frames will be slow, since the warm-up failed: {}", failure.getMessage());
        LOG.debug("the warm-up failed", failure);
    }

    private void add(final int round) {
        final List<GuestPort> ports = List.of(datapath.addGuestPort("a" + round, 1, MTU), datapath.addGuestPort("b" + round, 1, MTU));
        ports.forEach(port -> port.suspend(SuspendCause.UPGRADE));
        final DirectGuest a = new DirectGuest(ports.getFirst(), SPLIT, Guest.RING_SIZE, BUFFER);
        try {
            rounds.add(new Round(ports, a, new DirectGuest(ports.getLast(), PACKED, Guest.RING_SIZE, BUFFER)));
        } catch (final OsException e) {
            a.close();
            throw e;
        }
    }

    /** Begins, on a thread of its own that ends soon, which is returned, and closes this. */
    public Thread begin() {
        return Thread.ofPlatform().daemon().name("rb-warm-up").start(() -> {
            try {
                final long begun = System.nanoTime();
                ThreadTuning.giveWay(); // to the start, and to guests that are there already
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
        // What an upgrade does while no frame moves is not to be the first of its kind either.
        datapath.still(() -> round.ports().forEach(port -> port.suspend(SuspendCause.UPGRADE)));
        resume(round.ports());
    }

    private void resume(final List<GuestPort> ports) {
        datapath.still(() -> ports.forEach(port -> port.resume(SuspendCause.UPGRADE)));
    }

    private static void send(final Flow flow) throws InterruptedException {
        new Traffic(flow, () -> false).throughput(NANOS_A_WAY, _ -> { });
    }

    @Override
    public void close() {
        rounds.forEach(Round::close);
        rounds.clear();
        datapath.close();
    }
}
