package io.ringbridge.control.frontend;

import io.ringbridge.control.backend.Backend;
import io.ringbridge.control.backend.BackendOptions;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.DatapathOptions;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.port.PortStatistics;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.worker.PollMode;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Two guests, each on a thread of its own, keep their rings full of frames for each other. Meanwhile, one or the other
 * is suspended and resumed. {@code -Dsuspensions=N} sets the number of suspensions per kind of ring, number of workers,
 * and number of queue pairs.
 */
class SuspendLoadTest {
    private static final int ROUNDS = Integer.getInteger("suspensions", 75);
    private static final long TURNS = 3;
    /** The last occurs while all rings are stopped. */
    private static final Set<DropReason> DROPS = EnumSet.of(DropReason.NO_BUFFER, DropReason.PORT_SUSPENDED,
        DropReason.NO_RECEIVER);

    @TempDir
    Path directory;
    private SplittableRandom random;
    private int pendingCount;
    private int idleCount;

    @ParameterizedTest
    @CsvSource({"1, split, 1", "2, split, 1", "1, packed, 1", "2, packed, 1", "1, split, 2", "2, split, 2",
        "1, packed, 2", "2, packed, 2"})
    @Timeout(value = 10, unit = TimeUnit.MINUTES)
    void nothingIsLostOrRepeatedAndNothingMovesWhileSuspended(final int workers, final String layout, final int pairs)
        throws Exception {
        final long features = Frontend.DEFAULT_FEATURES
            | ("packed".equals(layout) ? Features.of(Features.RING_PACKED) : 0);
        final AtomicReference<Throwable> error = new AtomicReference<>();
        random = new SplittableRandom(3);
        try (Datapath datapath = Datapath.start(
                 new DatapathOptions(workers, List.of(), PollMode.ADAPTIVE, 1024, Duration.ofMinutes(5)), error::set)) {
            final GuestPort portA = datapath.addGuestPort("a", pairs, 1500);
            final GuestPort portB = datapath.addGuestPort("b", pairs, 1500);
            try (Backend _ = Backend.open(portA, BackendOptions.server(directory.resolve("a")));
                 Backend _ = Backend.open(portB, BackendOptions.server(directory.resolve("b")));
                 LoadedGuest a = new LoadedGuest(directory.resolve("a"), portA, features, 1);
                 LoadedGuest b = new LoadedGuest(directory.resolve("b"), portB, features, 2)) {
                assertTrue(ProtocolFeature.SUSPEND.in(a.frontend.protocolFeatures()));
                learn(a, b);
                a.startDriver();
                b.startDriver();
                for (int round = 0; round < ROUNDS; round++) {
                    if (random.nextBoolean()) {
                        suspendAndResume(a, b, round);
                    } else {
                        suspendAndResume(b, a, round);
                    }
                }
                finish(a, b);
                System.out.printf("%d suspensions, %s rings, %d workers, %d pairs: %s; %s; frames were pending at %d "
                    + "acknowledgements, and the driver was idle at %d%n",
                    ROUNDS, layout, workers, pairs, account(a, b), account(b, a), pendingCount, idleCount);
            }
        }
        assertNull(error.get());
    }

    /** Lets the switch learn both addresses before there are several flows. */
    private static void learn(final LoadedGuest a, final LoadedGuest b) {
        a.sendToAll();
        b.sendToAll();
        LoadedGuest.await("both guests have received a frame", () -> {
            a.receive();
            b.receive();
            return a.received() > 0 && b.received() > 0;
        });
    }

    private void suspendAndResume(final LoadedGuest guest, final LoadedGuest peer, final int round) throws IOException {
        load(guest, peer);
        guest.frontend.suspend();
        final byte[] before = guest.memoryIfIdle();
        final PortStatistics reached = guest.port.statistics();
        final long delivered = peer.port.statistics().outFrames();
        idleCount += before == null ? 0 : 1;
        guest.lock.lock();
        try {
            guest.watch(before);
            pendingCount += guest.pending() > 0 ? 1 : 0;
        } finally {
            guest.lock.unlock();
        }
        assertAllCompleted(guest, peer, reached);
        whileSuspended(guest, peer);
        assertEquals(PortState.SUSPENDED, guest.port.state());
        final PortStatistics now = guest.port.statistics();
        assertEquals(reached.inFrames(), now.inFrames(), "no frame is taken");
        assertEquals(reached.outFrames(), now.outFrames(), "no frame is delivered to the guest");
        assertEquals(delivered, peer.port.statistics().outFrames(), "no frame of the guest reaches the peer");
        assertAllCompleted(guest, peer, reached);
        switch (round % 8) {
            case 3 -> restartSuspended(guest, peer);
            case 5 -> restartResumed(guest, peer);
            default -> resume(guest);
        }
        assertEquals(PortState.RUNNING, guest.port.state());
    }

    /**
     * Lets both guests send for a while, and returns when the guest's rings have just been filled. Its driver
     * continues, or becomes idle after a few turns.
     */
    private void load(final LoadedGuest guest, final LoadedGuest peer) {
        final int more = random.nextInt(2000);
        final int turns = random.nextBoolean() ? random.nextInt(30) : -1;
        final long frames = guest.port.statistics().inFrames();
        final long back = peer.port.statistics().inFrames();
        LoadedGuest.await("both have sent more", () -> guest.port.statistics().inFrames() >= frames + more
            && peer.port.statistics().inFrames() >= back + more, guest, peer);
        final long fills = guest.fills();
        LoadedGuest.await("the rings are full", () -> guest.fills() > fills, guest);
        guest.lock.lock();
        try {
            guest.idleAfter(turns);
        } finally {
            guest.lock.unlock();
        }
    }

    /** Checks that every frame that was taken is delivered or dropped, and its buffer used. */
    private static void assertAllCompleted(final LoadedGuest guest, final LoadedGuest peer,
        final PortStatistics reached) {
        final long completed;
        guest.lock.lock();
        try {
            completed = guest.completed();
        } finally {
            guest.lock.unlock();
        }
        final long received;
        peer.lock.lock();
        try {
            peer.receive();
            received = peer.received();
        } finally {
            peer.lock.unlock();
        }
        assertEquals(completed, received + dropped(guest, peer), "frames delivered or dropped, against buffers used");
        assertEquals(completed, reached.inFrames() + guest.dropped("tx"), "buffers used, against frames taken");
    }

    /** Returns the number of dropped frames among those that one guest sent to the other. */
    private static long dropped(final LoadedGuest from, final LoadedGuest to) {
        return from.dropped("tx") + to.dropped("rx");
    }

    private static String account(final LoadedGuest from, final LoadedGuest to) {
        return "%d sent, %d delivered, %d dropped and counted, %d of them because the receiver had no buffer".formatted(
            from.sent(), to.received(), dropped(from, to),
            to.port.statistics().drops().getOrDefault(DropReason.NO_BUFFER, 0L));
    }

    /**
     * Lets both drivers continue, until every worker has completed some duty cycles and the peer's frames were taken.
     */
    private void whileSuspended(final LoadedGuest guest, final LoadedGuest peer) throws IOException {
        final long turns = guest.watchedTurns();
        final long taken = peer.port.statistics().inFrames();
        final int more = random.nextInt(500);
        if (random.nextInt(4) == 0) {
            guest.frontend.suspend();
        }
        for (int i = 0; i < TURNS; i++) {
            final long past = turns + i;
            LoadedGuest.await("the driver has checked its memory and kicked", () -> guest.watchedTurns() > past, guest);
            guest.reenable();
        }
        LoadedGuest.await("the peer has sent more", () -> peer.port.statistics().inFrames() >= taken + more, guest,
            peer);
    }

    /**
     * Resumes the guest. In half of the cases the driver neither kicks nor does anything else until all available
     * chains are taken.
     */
    private void resume(final LoadedGuest guest) throws IOException {
        final boolean silent = random.nextBoolean();
        guest.lock.lock();
        try {
            assertTrue(guest.pending() > 0, "frames were made available");
            guest.unwatch();
            if (silent) {
                guest.drainKicks();
            }
            guest.frontend.resume();
            if (silent) {
                LoadedGuest.await("all available frames are taken", () -> guest.pending() == 0);
            }
        } finally {
            guest.lock.unlock();
        }
    }

    /** Stops all rings, and starts them again while the device is suspended. */
    private void restartSuspended(final LoadedGuest guest, final LoadedGuest peer) throws IOException {
        guest.lock.lock();
        try {
            guest.stop();
            guest.frontend.suspend();
            guest.start();
        } finally {
            guest.lock.unlock();
        }
        assertEquals(PortState.SUSPENDED, guest.port.state());
        whileSuspended(guest, peer);
        resume(guest);
    }

    /**
     * Stops all rings, and starts them again; the status that this sets also ends the suspension. The number of started
     * receive queues changes meanwhile, so the peer's flows move between them. They stay in order only because no frame
     * is in flight.
     */
    private static void restartResumed(final LoadedGuest guest, final LoadedGuest peer) throws IOException {
        guest.lock.lock();
        peer.lock.lock();
        try {
            guest.unwatch();
            guest.stop();
            LoadedGuest.await("no frame is in flight", () -> peer.pending() == 0);
            guest.start();
        } finally {
            peer.lock.unlock();
            guest.lock.unlock();
        }
    }

    /** Checks that each frame has arrived, or was dropped for one of the expected reasons. */
    private static void finish(final LoadedGuest a, final LoadedGuest b) throws IOException {
        a.endDriver();
        b.endDriver();
        LoadedGuest.await("all frames are taken", () -> {
            a.receive();
            b.receive();
            return a.pending() + b.pending() == 0;
        }, a, b);
        a.frontend.suspend();
        b.frontend.suspend();
        a.receive();
        b.receive();
        assertEquals(a.sent(), b.received() + dropped(a, b));
        assertEquals(b.sent(), a.received() + dropped(b, a));
        for (final LoadedGuest guest : List.of(a, b)) {
            assertTrue(guest.receivedByAll(), "each receive queue has received frames");
            assertTrue(DROPS.containsAll(guest.port.statistics().drops().keySet()),
                () -> guest.port.statistics().toString());
            assertEquals(guest.received(), guest.port.statistics().outFrames());
        }
    }
}
