package io.ringbridge.datapath;

import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.worker.PollMode;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Three guests on three ports, and a clock that the test advances. */
class SwitchingTest {
    private static final int AGEING = 300;

    private final AtomicLong nanos = new AtomicLong(1);
    private final Datapath datapath = Datapath.stepped(
        new DatapathOptions(1, List.of(), PollMode.BUSY, 1024, Duration.ofSeconds(AGEING)), nanos::get);
    private final List<TestGuest> guests = new ArrayList<>();

    @BeforeEach
    void attach() {
        for (final String name : List.of("a", "b", "c")) {
            guests.add(TestGuest.up(datapath.addGuestPort(name, 1, 1500)));
        }
    }

    @AfterEach
    void detach() {
        guests.forEach(TestGuest::close);
        datapath.close();
    }

    /** Sends a frame from a guest, and returns a digit per guest: the number of frames it received. */
    private String send(final int from, final byte[] frame) {
        guests.get(from).send(frame);
        run();
        final StringBuilder arrived = new StringBuilder();
        for (final TestGuest guest : guests) {
            final List<byte[]> frames = guest.received();
            frames.forEach(f -> assertArrayEquals(frame, f));
            arrived.append(frames.size());
        }
        assertEquals(1, guests.get(from).reap(), "the sender's buffer is returned");
        return arrived.toString();
    }

    private void run() {
        while (datapath.step() > 0) {
            Thread.onSpinWait();
        }
    }

    private void turn(final int seconds) {
        nanos.addAndGet(Duration.ofSeconds(seconds).toNanos());
        run();
    }

    @Test
    void unknownDestinationFloodsToEveryOtherPort() {
        assertEquals("011", send(0, Frames.ethernet(77, 1, 60)));
    }

    @Test
    void aPartlyFloodedBurstArrivesWholeAndEachFlowInOrder() {
        send(1, Frames.broadcast(2, 60));
        final TestGuest pairs = TestGuest.up(datapath.addGuestPort("d", 2, 1500));
        guests.add(pairs);
        final List<byte[]> all = new ArrayList<>();
        for (int i = 0; i < 150; i++) {
            final byte[] frame = i % 9 > 6 ? Frames.ethernet(2, 1, 60 + i)
                : Frames.ethernet(70 + i / 4 % 5, i < 100 ? 1 : 3, 60 + i);
            guests.get(0).send(frame);
            all.add(frame);
        }
        run();
        final List<byte[]> flooded = all.stream().filter(f -> f[5] != 2).toList();
        assertSame(all, guests.get(1).received());
        assertSame(flooded, guests.get(2).received());
        final List<byte[]> spread = pairs.received();
        assertEquals(flooded.size(), spread.size());
        for (int station = 70; station < 75; station++) {
            final int flow = station;
            assertSame(flooded.stream().filter(f -> f[5] == flow && f[11] == 1).toList(),
                spread.stream().filter(f -> f[5] == flow && f[11] == 1).toList());
        }
        assertTrue(guests.get(0).received().isEmpty(), "no frame returns to its sender");
    }

    private static void assertSame(final List<byte[]> sent, final List<byte[]> got) {
        assertEquals(sent.size(), got.size());
        for (int i = 0; i < sent.size(); i++) {
            assertArrayEquals(sent.get(i), got.get(i));
        }
    }

    @Test
    void broadcastAndMulticastFloodAndAreNeverLearned() {
        assertEquals("011", send(0, Frames.broadcast(1, 60)));
        assertEquals("101", send(1, Frames.ethernet(Frames.MULTICAST, 2, 60)));
        assertEquals("011", send(0, Frames.ethernet(Frames.MULTICAST, 1, 60)));
        assertEquals("101", send(1, Frames.ethernet(77, Frames.MULTICAST, 60)));
        assertTrue(datapath.stations().stream().noneMatch(e -> e.mac().startsWith("01:")),
            "a group address was learned");
    }

    @Test
    void framesForAKnownStationGoToItsPortOnly() {
        send(1, Frames.broadcast(2, 60));
        assertEquals("010", send(0, Frames.ethernet(2, 1, 1514)));
        assertEquals("100", send(1, Frames.ethernet(1, 2, 64)));
    }

    @Test
    void aStationThatMovedIsFollowedAtOnce() {
        send(1, Frames.broadcast(2, 60));
        assertEquals("010", send(0, Frames.ethernet(2, 1, 60)));
        assertEquals("110", send(2, Frames.broadcast(2, 60)));
        assertEquals("001", send(0, Frames.ethernet(2, 1, 60)));
    }

    @Test
    void aFrameForItsOwnPortIsDroppedAndCounted() {
        send(0, Frames.broadcast(1, 60));
        assertEquals("000", send(0, Frames.ethernet(1, 3, 60)));
        assertEquals(1L, guests.get(0).port.statistics().drops().get(DropReason.SAME_PORT));
    }

    @Test
    void aSilentStationAges() {
        send(1, Frames.broadcast(2, 60));
        turn(AGEING - 1);
        assertEquals("010", send(0, Frames.ethernet(2, 1, 60)));
        turn(1);
        assertEquals("011", send(0, Frames.ethernet(2, 1, 60)));
    }

    @Test
    void aStationThatKeepsSendingDoesNotAge() {
        send(1, Frames.broadcast(2, 60));
        for (int i = 0; i < 5; i++) {
            turn(AGEING / 2);
            assertEquals("010", send(0, Frames.ethernet(2, 1, 60)));
            send(1, Frames.ethernet(1, 2, 60));
        }
    }

    @Test
    void aSteadyStreamToASilentStationIsFloodedOnceItHasAged() {
        send(1, Frames.broadcast(2, 60));
        for (int second = 1; second < AGEING; second++) {
            turn(1);
            assertEquals("010", send(0, Frames.ethernet(2, 1, 60)), "after " + second + " s");
        }
        turn(1);
        assertEquals("011", send(0, Frames.ethernet(2, 1, 60)));
    }

    @Test
    void stationsOfADetachedPortAreForgotten() {
        send(1, Frames.broadcast(2, 60));
        guests.get(1).port.detach();
        assertEquals("001", send(0, Frames.ethernet(2, 1, 60)));
        assertTrue(datapath.stations().stream().noneMatch(e -> e.port() == 1));
    }

    @Test
    void framesOfADisabledTransmitRingAreDiscarded() {
        send(1, Frames.broadcast(2, 60));
        guests.get(0).port.enableRing(1, false);
        assertEquals("000", send(0, Frames.ethernet(2, 1, 60)));
        assertEquals(1L, guests.get(0).port.statistics().drops().get(DropReason.QUEUE_DISABLED));
        guests.get(0).port.enableRing(1, true);
        assertEquals("010", send(0, Frames.ethernet(2, 1, 60)));
    }

    @Test
    void aDisabledReceiveRingGetsNothing() {
        send(1, Frames.broadcast(2, 60));
        guests.get(1).port.enableRing(0, false);
        assertEquals("001", send(0, Frames.ethernet(2, 1, 60)), "the station may have moved");
        assertEquals("001", send(0, Frames.broadcast(1, 60)));
        assertTrue(guests.get(0).port.statistics().drops().isEmpty());
    }

    @Test
    void aRestartedRingResumesAtItsPosition() {
        send(1, Frames.broadcast(2, 60));
        final TestGuest.Queue transmit = guests.get(0).transmit.get(0);
        final GuestPort port = guests.get(0).port;
        for (int sent = 0; sent < 600; sent += 2) {
            assertEquals("010", send(0, Frames.ethernet(2, 1, 60)));
            final int base = port.stopRing(1);
            assertEquals(sent + 1, base);
            guests.get(0).send(Frames.ethernet(2, 1, 61));
            run();
            assertEquals(0, guests.get(0).reap(), "a stopped ring is not processed");
            port.startRing(1, transmit.config(base), transmit.events());
            run();
            assertEquals(1, guests.get(1).received().size(),
                "frames added while the ring was stopped are sent once it runs");
            assertEquals(1, guests.get(0).reap());
        }
    }

    @Test
    void countersAddUp() {
        send(1, Frames.broadcast(2, 60));
        for (int i = 0; i < 10; i++) {
            send(0, Frames.ethernet(2, 1, 100));
        }
        assertEquals(10, guests.get(0).port.statistics().inFrames());
        assertEquals(1000, guests.get(0).port.statistics().inBytes());
        assertEquals(10, guests.get(1).port.statistics().outFrames());
        assertEquals(1000, guests.get(1).port.statistics().outBytes());
    }

    @Test
    void aFullReceiveRingDropsAndCounts() {
        send(1, Frames.broadcast(2, 60));
        for (int i = 0; i < 256; i++) {
            guests.get(0).send(Frames.ethernet(2, 1, 60));
        }
        run();
        guests.get(0).reap();
        guests.get(0).send(Frames.ethernet(2, 1, 60));
        run();
        assertEquals(1L, guests.get(1).port.statistics().drops().get(DropReason.NO_BUFFER));
        assertEquals(256, guests.get(1).received().size());
        assertEquals(1, guests.get(0).reap(), "the sender does not wait for a receiver that has no buffer");
    }
}
