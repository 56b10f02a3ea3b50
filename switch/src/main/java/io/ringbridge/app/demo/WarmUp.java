package io.ringbridge.app.demo;

import io.ringbridge.control.frontend.DirectGuest;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.frontend.QueuePair;
import io.ringbridge.datapath.os.ThreadTuning;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.worker.Datapath;
import io.ringbridge.datapath.worker.DatapathOptions;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Has the code that moves frames compiled before the first of them comes: guests of this process send to each other, over a datapath of
 * their own, while the switch waits for its guests. Without it the compiler has to share the processors with the frames, and
 * the first second moves half of what later ones do.
 *
 * <p>Two guests that differ in what they negotiate, so that neither layout of a ring is new to the code, nor a header that asks for
 * something; and then two more, since what is compiled for the first ones is thrown away when memory of others comes up.
 */
public final class WarmUp {
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

    private WarmUp() {
    }

    /** Begins, on a thread of its own that ends soon. */
    public static void begin() {
        Thread.ofPlatform().daemon().name("rb-warm-up").start(() -> {
            try {
                final long begun = System.nanoTime();
                ThreadTuning.giveWay(); // to the start, and to guests that are there already
                run();
                LOG.info("warmed up for {} ms", TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begun));
            } catch (final RuntimeException e) {
                LOG.warn("the first frames will be slow, since the warm-up failed: {}", e.getMessage());
                LOG.debug("the warm-up failed", e);
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
            }
        });
    }

    static void run() throws InterruptedException {
        try (Datapath datapath = Datapath.start(DatapathOptions.DEFAULT, failure -> LOG.debug("a worker failed in the warm-up", failure))) {
            for (int i = 0; i < ROUNDS; i++) {
                exchange(datapath, i);
            }
        }
    }

    private static void exchange(final Datapath datapath, final int round) throws InterruptedException {
        final GuestPort portA = datapath.addGuestPort("a" + round, 1, MTU);
        final GuestPort portB = datapath.addGuestPort("b" + round, 1, MTU);
        try (DirectGuest first = new DirectGuest(portA, SPLIT, Guest.RING_SIZE, BUFFER);
             DirectGuest second = new DirectGuest(portB, PACKED, Guest.RING_SIZE, BUFFER)) {
            final QueuePair a = first.queues();
            final QueuePair b = second.queues();
            Demo.introduce(a, b);
            send(Demo.flow(a, b, LENGTH));
            send(Demo.flowBack(a, b, LENGTH));
            pause(datapath, List.of(portA, portB));
        }
    }

    /** What an upgrade does while no frame moves is not to be the first of its kind either. */
    private static void pause(final Datapath datapath, final List<GuestPort> ports) {
        datapath.still(() -> ports.forEach(port -> port.suspend(SuspendCause.UPGRADE)));
        datapath.still(() -> ports.forEach(port -> port.resume(SuspendCause.UPGRADE)));
    }

    private static void send(final Flow flow) throws InterruptedException {
        new Traffic(flow, () -> false).throughput(NANOS_A_WAY, _ -> { });
    }
}
