package io.ringbridge.datapath;

import io.ringbridge.datapath.bridge.ForwardingTable;
import io.ringbridge.datapath.packet.MacAddress;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.worker.PollMode;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Announcements of a station, with two guests and a third port whose rings do not run. */
class AnnouncementTest {
    private static final int STATION = 9;
    private static final long ADDRESS = MacAddress.parse("52:54:00:00:00:09");

    private final AtomicLong nanos = new AtomicLong(1);

    private static byte[] rarp() {
        final ByteBuffer frame = ByteBuffer.allocate(60);
        frame.put(new byte[] {-1, -1, -1, -1, -1, -1});
        frame.putShort((short) 0x5254).putInt(STATION).putShort((short) 0x8035);
        frame.putShort((short) 1).putShort((short) 0x0800).put((byte) 6).put((byte) 4).putShort((short) 3);
        frame.putShort((short) 0x5254).putInt(STATION).putInt(0).putShort((short) 0x5254).putInt(STATION);
        return frame.array();
    }

    private static void run(final Datapath datapath) {
        while (datapath.step() > 0) {
            Thread.onSpinWait();
        }
    }

    private static void assertHeard(final int times, final TestGuest guest) {
        final List<byte[]> frames = guest.received();
        assertEquals(times, frames.size());
        frames.forEach(frame -> assertArrayEquals(rarp(), frame));
    }

    @ParameterizedTest
    @CsvSource({"1, false", "1, true", "2, false", "3, true"})
    void everyOtherPortHearsOfAStationAndFramesFindItAtOnce(final int workers, final boolean packed) {
        final long features = TestGuest.FEATURES | (packed ? Features.of(Features.RING_PACKED) : 0);
        try (Datapath datapath = Datapath.stepped(
                new DatapathOptions(workers, List.of(), PollMode.BUSY, 1024, Duration.ofMinutes(5)), nanos::get);
             TestGuest a = new TestGuest(datapath.addGuestPort("a", 1, 1500), features, 256, 2048).start();
             TestGuest b = new TestGuest(datapath.addGuestPort("b", 1, 1500), features, 256, 2048).start()) {
            final GuestPort port = datapath.addGuestPort("c", 1, 1500);
            b.send(Frames.broadcast(STATION, 60));
            run(datapath);
            assertEquals(1, a.received().size());
            port.stations().announce(ADDRESS);
            run(datapath);
            assertHeard(1, a);
            assertHeard(1, b);
            a.send(Frames.ethernet(STATION, 1, 60));
            run(datapath);
            assertEquals(1, b.received().size(), "the station's new port is down, so the frame is flooded");
            try (TestGuest c = new TestGuest(port, features, 256, 2048).start()) {
                a.send(Frames.ethernet(STATION, 1, 60));
                run(datapath);
                assertEquals(1, c.received().size());
                assertTrue(b.received().isEmpty(), "the station has left its old port");
                port.stations().announce(ADDRESS);
                assertTrue(c.received().isEmpty(), "a port does not receive its own announcement");
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"1", "2"})
    void repeatedAnnouncementsAreIgnoredForAMoment(final int workers) {
        try (Datapath datapath = Datapath.stepped(
                new DatapathOptions(workers, List.of(), PollMode.BUSY, 1024, Duration.ofMinutes(5)), nanos::get);
             TestGuest a = TestGuest.up(datapath.addGuestPort("a", 1, 1500))) {
            final GuestPort port = datapath.addGuestPort("c", 1, 1500);
            for (int i = 0; i < 1000; i++) {
                port.stations().announce(ADDRESS);
            }
            assertHeard(1, a);
            nanos.addAndGet(Duration.ofMillis(50).toNanos());
            port.stations().announce(ADDRESS);
            assertHeard(1, a);
            a.send(Frames.broadcast(STATION, 60));
            run(datapath);
            port.stations().announce(ADDRESS);
            assertHeard(1, a);
            assertEquals(List.of(new ForwardingTable.Entry("52:54:00:00:00:09", 0, port.index(), false, 0)),
                datapath.stations());
        }
    }

    @ParameterizedTest
    @CsvSource({"1", "2"})
    void aStationSetByHandStaysWhereItIs(final int workers) {
        try (Datapath datapath = Datapath.stepped(
                new DatapathOptions(workers, List.of(), PollMode.BUSY, 1024, Duration.ofMinutes(5)), nanos::get);
             TestGuest a = TestGuest.up(datapath.addGuestPort("a", 1, 1500))) {
            datapath.table().addStatic(ForwardingTable.key(ADDRESS, 0), a.port.index());
            datapath.addGuestPort("c", 1, 1500).stations().announce(ADDRESS);
            assertEquals(a.port.index(), datapath.stations().getFirst().port());
        }
    }
}
