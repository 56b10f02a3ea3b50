package io.ringbridge.control.backend.ring;

import io.ringbridge.control.backend.PipeEnds;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.Mapping;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.os.Userfault;
import io.ringbridge.testkit.Await;
import io.ringbridge.testkit.OpenDescriptors;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests pipes and sockets in place of eventfds, with any behaviour of the peer. */
@Timeout(60)
class RelayTest {
    private final AtomicBoolean silenced = new AtomicBoolean();
    private final Semaphore permits = Relay.permits();

    private Relay relay() {
        return new Relay("a", silenced::get, permits);
    }

    private static PeerEvent kick(final Relay relay, final PipeEnds ends) {
        return relay.kick(Fd.duplicate(ends.reads()));
    }

    private static PeerEvent notification(final Relay relay, final PipeEnds ends) {
        return relay.notification(Fd.duplicate(ends.writes()));
    }

    /** Returns the number of passes that the relay's thread makes for one kick. */
    private static long passesOfAKick(final Relay relay, final PipeEnds ends, final PeerEvent event) {
        relay.settle();
        final long before = relay.passes();
        ends.write();
        Await.until(event.event()::drain);
        relay.settle();
        return relay.passes() - before;
    }

    @ParameterizedTest
    @EnumSource(PipeEnds.Kind.class)
    void aPeerThatHasHungUpIsNotPolledAgain(final PipeEnds.Kind kind) {
        final long descriptors = OpenDescriptors.count();
        try (Relay relay = relay(); PipeEnds alive = PipeEnds.of(kind); PipeEnds gone = PipeEnds.of(kind);
             PipeEnds unread = PipeEnds.of(kind)) {
            final PeerEvent kick = kick(relay, alive);
            final PeerEvent dead = kick(relay, gone);
            final PeerEvent call = notification(relay, unread);
            gone.write();
            gone.closeWrites();
            unread.closeReads();
            Await.until(dead.event()::drain);
            for (int i = 0; i < 100; i++) {
                call.event().signal();
                assertTrue(passesOfAKick(relay, alive, kick) <= 8);
            }
        }
        Await.until(() -> OpenDescriptors.count() <= descriptors);
    }

    @ParameterizedTest
    @EnumSource(PipeEnds.Kind.class)
    void aFullPipeLosesNoNotification(final PipeEnds.Kind kind) {
        try (Relay relay = relay(); PipeEnds full = PipeEnds.of(kind).fill(); PipeEnds other = PipeEnds.of(kind)) {
            final PeerEvent call = notification(relay, full);
            final PeerEvent kick = kick(relay, other);
            for (int i = 0; i < 100; i++) {
                call.event().signal();
                passesOfAKick(relay, other, kick);
            }
            while (full.read()) {
                Thread.onSpinWait();
            }
            call.event().signal();
            Await.until(full::read);
        }
    }

    @ParameterizedTest
    @EnumSource(PipeEnds.Kind.class)
    void ringsThatShareAPipeAreAllKicked(final PipeEnds.Kind kind) {
        try (Relay relay = relay(); PipeEnds ends = PipeEnds.of(kind)) {
            final List<PeerEvent> events = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                events.add(kick(relay, ends));
            }
            relay.settle();
            for (int i = 0; i < 200; i++) {
                events.forEach(each -> each.event().drain());
                ends.write();
                events.forEach(each -> Await.until(each.event()::drain));
                relay.settle();
            }
        }
    }

    @Test
    void aSemaphoreWithALargeCountEndsOneSleep() {
        try (Relay relay = relay(); PipeEnds semaphore = PipeEnds.semaphore(1_000_000)) {
            final PeerEvent kick = kick(relay, semaphore);
            Await.until(kick.event()::drain);
            relay.settle();
            assertFalse(kick.event().drain());
            assertTrue(passesOfAKick(relay, semaphore, kick) <= 8);
        }
    }

    @Test
    void aDescriptorWithoutAccessIsRefused() {
        try (Relay relay = relay(); PipeEnds pipe = PipeEnds.of(PipeEnds.Kind.PIPE); EventFd event = EventFd.create()) {
            for (final int fd : new int[] {pipe.reads(), pipe.writes(), event.fd()}) {
                assertThrows(OsException.class, () -> relay.kick(PipeEnds.withoutAccess(fd)));
                assertThrows(OsException.class, () -> relay.notification(PipeEnds.withoutAccess(fd)));
            }
        }
    }

    @Test
    void notificationsWaitWhileSilencedAndNoneIsLost() {
        try (Relay relay = relay(); PipeEnds ends = PipeEnds.of(PipeEnds.Kind.PIPE)) {
            final PeerEvent call = notification(relay, ends);
            silenced.set(true);
            call.event().signal();
            relay.settle();
            relay.settle();
            assertFalse(ends.read());
            silenced.set(false);
            Await.until(ends::read);
        }
    }

    @Test
    void signalsAreSentBeforeTheDescriptorIsClosed() {
        try (Relay relay = relay(); PipeEnds ends = PipeEnds.of(PipeEnds.Kind.PIPE)) {
            for (int i = 0; i < 100; i++) {
                final PeerEvent call = notification(relay, ends);
                call.event().signal();
                call.close();
                assertTrue(ends.read());
            }
        }
    }

    @Test
    void kicksStayInThePipeWhileTheRelayIsPaused() {
        try (Relay relay = relay(); Relay next = relay(); PipeEnds ends = PipeEnds.of(PipeEnds.Kind.PIPE)) {
            final PeerEvent kick = kick(relay, ends);
            passesOfAKick(relay, ends, kick);
            relay.pause();
            ends.write();
            next.pause();
            final PeerEvent there = kick(next, ends);
            next.settle();
            assertFalse(kick.event().drain() || there.event().drain());
            next.resume();
            Await.until(there.event()::drain);
            next.pause();
            ends.write();
            relay.resume();
            Await.until(kick.event()::drain);
        }
    }

    /** A peer that writes to a pipe owns the pipe's lock, and may block on a missing page of its memory. */
    @Test
    void aPipeThatThePeerBlocksDelaysNothing() throws Exception {
        Assumptions.assumeTrue(Userfault.problem() == null, Userfault::problem);
        final long descriptors = OpenDescriptors.count();
        try (Userfault missing = Userfault.open(); MemFd file = MemFd.create("missing", 1 << 16)) {
            final Mapping mapping = Mapping.map(file.fd(), 0, 1 << 16);
            missing.watch(mapping);
            final List<PipeEnds> blocked = new ArrayList<>();
            final List<Thread> writers = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                final PipeEnds ends = PipeEnds.of(PipeEnds.Kind.PIPE);
                ends.write();
                final Thread writer = Thread.ofPlatform().daemon().start(() -> ends.write(mapping));
                Await.until(() -> missing.nextMissing() != 0);
                blocked.add(ends);
                writers.add(writer);
                try (Relay relay = relay(); PipeEnds other = PipeEnds.of(PipeEnds.Kind.PIPE)) {
                    kick(relay, ends);
                    for (int j = 0; j < 80; j++) {
                        final PeerEvent call = tryNotification(relay, other);
                        if (call != null) {
                            call.close();
                        }
                    }
                }
            }
            try (Relay refused = relay(); PipeEnds other = PipeEnds.of(PipeEnds.Kind.PIPE)) {
                assertThrows(ProtocolException.class, () -> notification(refused, other),
                    "the number of threads is limited");
                try (EventFd event = EventFd.create(); PeerEvent direct = refused.kick(Fd.duplicate(event.fd()))) {
                    direct.event().signal();
                    assertTrue(event.drain());
                }
            }
            missing.forget(mapping);
            missing.wake(mapping.address(), 1 << 16);
            for (final Thread writer : writers) {
                writer.join();
            }
            mapping.close();
            blocked.forEach(PipeEnds::close);
        }
        Await.until(() -> permits.availablePermits() == 4);
        Await.until(() -> OpenDescriptors.count() <= descriptors);
        assertEquals(4, permits.availablePermits());
    }

    private static PeerEvent tryNotification(final Relay relay, final PipeEnds ends) {
        try {
            return notification(relay, ends);
        } catch (final ProtocolException e) {
            return null; // the limit of descriptors that wait to be closed is reached
        }
    }
}
