package io.ringbridge.control.frontend;

import io.ringbridge.control.backend.Backend;
import io.ringbridge.control.backend.BackendOptions;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.port.PortStatistics;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.worker.Datapath;
import io.ringbridge.datapath.worker.DatapathOptions;
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
 * Two guests send to each other as much as their rings hold, all the time, each from a thread of its own, while now one and now the other
 * is suspended and resumed; {@code -Dsuspensions=N} does it N times with each kind of ring, number of workers and of queue pairs.
 */
class SuspendLoadTest {
    private static final int ROUNDS = Integer.getInteger("suspensions", 75);
    private static final long TURNS = 3;
    /** The last is while all rings are stopped. */
    private static final Set<DropReason> DROPS = EnumSet.of(DropReason.NO_BUFFER, DropReason.PORT_SUSPENDED, DropReason.NO_RECEIVER);

    @TempDir
    Path directory;
    private SplittableRandom random;
    private int waiting;
    private int still;

    @ParameterizedTest
    @CsvSource({"1, split, 1", "2, split, 1", "1, packed, 1", "2, packed, 1", "1, split, 2", "2, split, 2", "1, packed, 2", "2, packed, 2"})
    @Timeout(value = 10, unit = TimeUnit.MINUTES)
    void nothingIsLostOrRepeatedOrMovesInBetween(final int workers, final String layout, final int pairs) throws Exception {
        final long features = Frontend.DEFAULT_FEATURES | ("packed".equals(layout) ? Features.of(Features.RING_PACKED) : 0);
        final AtomicReference<Throwable> error = new AtomicReference<>();
        random = new SplittableRandom(3);
        try (Datapath datapath = Datapath.start(
                 new DatapathOptions(workers, List.of(), PollMode.ADAPTIVE, 1024, Duration.ofMinutes(5)), error::set)) {
            final GuestPort portA = datapath.addGuestPort("a", pairs, 1500);
            final GuestPort portB = datapath.addGuestPort("b", pairs, 1500);
            try (Backend _ = Backend.start(portA, BackendOptions.server(directory.resolve("a")));
                 Backend _ = Backend.start(portB, BackendOptions.server(directory.resolve("b")));
                 LoadedGuest a = new LoadedGuest(directory.resolve("a"), portA, features, 1);
                 LoadedGuest b = new LoadedGuest(directory.resolve("b"), portB, features, 2)) {
                assertTrue(ProtocolFeature.SUSPEND.in(a.frontend.protocolFeatures()));
                meet(a, b);
                a.begin();
                b.begin();
                for (int round = 0; round < ROUNDS; round++) {
                    if (random.nextBoolean()) {
                        suspendAndResume(a, b, round);
                    } else {
                        suspendAndResume(b, a, round);
                    }
                }
                finish(a, b);
                System.out.printf("%d suspensions, %s rings, %d workers, %d pairs: %s; %s; %d times more was waiting at the "
                    + "acknowledgement, %d times the driver held still before%n",
                    ROUNDS, layout, workers, pairs, account(a, b), account(b, a), waiting, still);
            }
        }
        assertNull(error.get());
    }

    /** Lets the switch know both, before there are several flows. */
    private static void meet(final LoadedGuest a, final LoadedGuest b) {
        a.sendToAll();
        b.sendToAll();
        LoadedGuest.await("both hear of each other", () -> {
            a.receive();
            b.receive();
            return a.received() > 0 && b.received() > 0;
        });
    }

    private void suspendAndResume(final LoadedGuest guest, final LoadedGuest peer, final int round) throws IOException {
        load(guest, peer);
        guest.frontend.suspend();
        final byte[] atOnce = guest.memoryIfStill();
        final PortStatistics reached = guest.port.statistics();
        final long delivered = peer.port.statistics().outFrames();
        still += atOnce == null ? 0 : 1;
        guest.lock.lock();
        try {
            guest.watch(atOnce);
            waiting += guest.pending() > 0 ? 1 : 0;
        } finally {
            guest.lock.unlock();
        }
        atTheAcknowledgement(guest, peer, reached);
        whileSuspended(guest, peer);
        assertEquals(PortState.SUSPENDED, guest.port.state());
        final PortStatistics now = guest.port.statistics();
        assertEquals(reached.inFrames(), now.inFrames(), "nothing was taken");
        assertEquals(reached.outFrames(), now.outFrames(), "nothing was received");
        assertEquals(delivered, peer.port.statistics().outFrames(), "and the peer got nothing");
        atTheAcknowledgement(guest, peer, reached);
        switch (round % 8) {
            case 3 -> restartSuspended(guest, peer);
            case 5 -> restartResumed(guest, peer);
            default -> resume(guest);
        }
        assertEquals(PortState.RUNNING, guest.port.state());
    }

    /** Has both go on for a while, and ends when the guest's rings have just been filled; its driver goes on, or holds still soon. */
    private void load(final LoadedGuest guest, final LoadedGuest peer) {
        final int more = random.nextInt(2000);
        final int turns = random.nextBoolean() ? random.nextInt(30) : -1;
        final long frames = guest.port.statistics().inFrames();
        final long back = peer.port.statistics().inFrames();
        LoadedGuest.await("both have sent more", () -> guest.port.statistics().inFrames() >= frames + more
            && peer.port.statistics().inFrames() >= back + more, guest, peer);
        final long fulls = guest.fulls();
        LoadedGuest.await("the rings are full", () -> guest.fulls() > fulls, guest);
        guest.lock.lock();
        try {
            guest.stillAfter(turns);
        } finally {
            guest.lock.unlock();
        }
    }

    /** Every frame that was taken was delivered or dropped, and its buffer is back. */
    private static void atTheAcknowledgement(final LoadedGuest guest, final LoadedGuest peer, final PortStatistics reached) {
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
        assertEquals(completed, received + dropped(guest, peer), "as many frames delivered, or dropped, as buffers given back");
        assertEquals(completed, reached.inFrames() + guest.dropped("tx"), "and as were taken");
    }

    /** Counted as dropped of what one sent to the other. */
    private static long dropped(final LoadedGuest from, final LoadedGuest to) {
        return from.dropped("tx") + to.dropped("rx");
    }

    private static String account(final LoadedGuest from, final LoadedGuest to) {
        return "%d sent, %d delivered, %d dropped and counted, %d of them for want of a buffer".formatted(from.sent(), to.received(),
            dropped(from, to), to.port.statistics().drops().getOrDefault(DropReason.NO_BUFFER, 0L));
    }

    /** Both drivers go on; every worker goes round meanwhile, and takes what the peer sends. */
    private void whileSuspended(final LoadedGuest guest, final LoadedGuest peer) throws IOException {
        final long turns = guest.watchedTurns();
        final long taken = peer.port.statistics().inFrames();
        final int more = random.nextInt(500);
        if (random.nextInt(4) == 0) {
            guest.frontend.suspend();
        }
        for (int i = 0; i < TURNS; i++) {
            final long past = turns + i;
            LoadedGuest.await("the driver has looked, added and kicked", () -> guest.watchedTurns() > past, guest);
            guest.enableAgain();
        }
        LoadedGuest.await("the peer has gone on", () -> peer.port.statistics().inFrames() >= taken + more, guest, peer);
    }

    /** Resumes, at times without a kick, or anything else that the driver does, until all that was available has been taken. */
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
                LoadedGuest.await("what was available is taken", () -> guest.pending() == 0);
            }
        } finally {
            guest.lock.unlock();
        }
    }

    /** Stops all rings, and starts them while the device is suspended. */
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
     * Stops all rings, and starts them; the status that this sets ends the suspension as well. While there are some to choose from and then
     * more, the peer's flows move, and stay in order only since nothing is on its way.
     */
    private static void restartResumed(final LoadedGuest guest, final LoadedGuest peer) throws IOException {
        guest.lock.lock();
        peer.lock.lock();
        try {
            guest.unwatch();
            guest.stop();
            LoadedGuest.await("nothing is on its way", () -> peer.pending() == 0);
            guest.start();
        } finally {
            peer.lock.unlock();
            guest.lock.unlock();
        }
    }

    /** Each frame has come, or is counted as dropped for a reason that there was. */
    private static void finish(final LoadedGuest a, final LoadedGuest b) throws IOException {
        a.end();
        b.end();
        LoadedGuest.await("all is taken", () -> {
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
            assertTrue(guest.receivedByAll(), "each receive queue had some");
            assertTrue(DROPS.containsAll(guest.port.statistics().drops().keySet()), () -> guest.port.statistics().toString());
            assertEquals(guest.received(), guest.port.statistics().outFrames());
        }
    }
}
