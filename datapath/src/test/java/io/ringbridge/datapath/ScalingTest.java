package io.ringbridge.datapath;

import io.ringbridge.datapath.worker.PollMode;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.Rings;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** With a full forwarding table and many ports, frames still reach their destination and no other port. */
class ScalingTest {
    private static final int STATIONS = 65536;
    private static final int PORTS = 64;
    private static final int BATCH = 128;

    private static Datapath datapath(final int workers) {
        return Datapath.stepped(new DatapathOptions(workers, List.of(), PollMode.BUSY, STATIONS, Duration.ofMinutes(5)),
            System::nanoTime);
    }

    private static void run(final Datapath datapath) {
        while (datapath.step() > 0) {
            Thread.onSpinWait();
        }
    }

    @Test
    void everyStationIsKnownWhenTheTableIsFull() {
        try (Datapath datapath = datapath(1);
             TestGuest many = TestGuest.up(datapath.addGuestPort("many", 1, 1500));
             TestGuest one = TestGuest.up(datapath.addGuestPort("one", 1, 1500));
             TestGuest bystander = TestGuest.up(datapath.addGuestPort("bystander", 1, 1500))) {
            one.send(Frames.broadcast(0, 14));
            run(datapath);
            assertEquals(1, many.received().size() & bystander.received().size());
            for (int station = 1; station < STATIONS; station += BATCH) {
                final int last = Math.min(STATIONS, station + BATCH);
                for (int i = station; i < last; i++) {
                    many.send(Frames.ethernet(0, i, 14));
                }
                run(datapath);
                assertEquals(last - station, one.received().size());
                assertEquals(last - station, many.reap());
            }
            assertEquals(STATIONS, datapath.stations().size());
            for (int station = 1; station < STATIONS; station += BATCH) {
                final int last = Math.min(STATIONS, station + BATCH);
                for (int i = station; i < last; i++) {
                    one.send(Frames.ethernet(i, 0, 14));
                }
                run(datapath);
                one.reap();
                final List<byte[]> arrived = many.received();
                for (int i = station; i < last; i++) {
                    assertEquals(i, ByteBuffer.wrap(arrived.get(i - station)).getInt(2));
                }
                assertEquals(last - station, arrived.size());
            }
            assertEquals(List.of(), bystander.received(), "no destination was unknown");
        }
    }

    @ParameterizedTest
    @CsvSource({"1, SPLIT", "1, PACKED_IN_ORDER", "4, PACKED", "4, SPLIT_IN_ORDER"})
    void manyPortsReachEachOther(final int workers, final Rings rings) {
        final List<TestGuest> guests = new ArrayList<>();
        try (Datapath datapath = datapath(workers)) {
            for (int i = 0; i < PORTS; i++) {
                guests.add(TestGuest.up(datapath.addGuestPort("p" + i, 1, 1500), rings));
            }
            for (int from = 0; from < PORTS; from++) {
                guests.get(from).send(Frames.broadcast(from, 60));
                run(datapath);
                assertEquals(1, guests.get(from).reap());
            }
            for (final TestGuest guest : guests) {
                assertEquals(PORTS - 1, guest.received().size());
            }
            for (int round = 0; round < 3; round++) {
                for (int from = 0; from < PORTS; from++) {
                    for (int to = 0; to < PORTS; to++) {
                        if (to != from) {
                            guests.get(from).send(Frames.ethernet(to, from, 60));
                        }
                    }
                }
                run(datapath);
                for (int to = 0; to < PORTS; to++) {
                    assertEachSentOne(guests.get(to), to);
                }
            }
            guests.forEach(TestGuest::close);
        }
    }

    private static void assertEachSentOne(final TestGuest guest, final int station) {
        final Set<Integer> senders = new HashSet<>();
        for (final byte[] frame : guest.received()) {
            assertEquals(station, ByteBuffer.wrap(frame).getInt(2));
            assertTrue(senders.add(ByteBuffer.wrap(frame).getInt(8)), "one frame per sender");
        }
        assertEquals(PORTS - 1, senders.size());
        assertEquals(PORTS - 1, guest.reap());
    }
}
