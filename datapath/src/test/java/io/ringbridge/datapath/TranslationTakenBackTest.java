package io.ringbridge.datapath;

import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Iotlb;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.RingAddresses;
import io.ringbridge.datapath.worker.PollMode;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.Rings;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A guest reuses the memory behind an address as soon as the mapping is invalidated, while workers keep running. */
@Timeout(120)
class TranslationTakenBackTest {
    private static final long PAGE = 4096;
    private static final long WINDOW = 0x7000_0000_0000L;
    private static final int LENGTH = 1400;
    private static final int ROUNDS = 100;
    private static final byte SECRET = (byte) 0xEE;

    @ParameterizedTest
    @CsvSource({"1, SPLIT", "1, PACKED", "2, SPLIT", "2, PACKED_IN_ORDER"})
    void anInvalidatedMappingIsNotRead(final int workers, final Rings rings) {
        final DatapathOptions options =
            new DatapathOptions(workers, List.of(), PollMode.ADAPTIVE, 1024, Duration.ofMinutes(5));
        try (Datapath datapath = Datapath.start(options, Throwable::printStackTrace);
             TestGuest a = new TestGuest(datapath.addGuestPort("a", 1, 1500),
                 rings.features | Features.of(Features.ACCESS_PLATFORM), 256,
                 2048);
             TestGuest b = TestGuest.up(datapath.addGuestPort("b", 1, 1500), rings)) {
            final GuestMemory regions = a.memory;
            final Iotlb without = Iotlb.EMPTY;
            a.memory = regions.withTranslations(without);
            a.start();
            final TestGuest.Queue queue = a.transmit.get(0);
            final RingAddresses[] places = {a.receive.get(0).ring.addresses(), queue.ring.addresses()};
            final long pages = a.allocate(2 * PAGE, (int) PAGE);
            int received = 0;
            for (int round = 0; round < ROUNDS; round++) {
                final long page = pages + (round & 1) * PAGE;
                write(page, (byte) (round % 100));
                a.port.addTranslations(
                    regions.withTranslations(without.with(WINDOW, PAGE, 0, page, Iotlb.READ)), WINDOW,
                    WINDOW + PAGE - 1);
                while (queue.ring.add(WINDOW, TestGuest.HEADER + LENGTH, false) >= 0) {
                    Thread.onSpinWait();
                }
                queue.ring.publish();
                queue.kick.signal();
                while (a.reap() == 0) {
                    Thread.onSpinWait();
                }
                a.port.remap(regions.withTranslations(without), places);
                Memory.copy(filled(SECRET), 0, page + TestGuest.HEADER + 14, LENGTH - 14);
                for (final byte[] frame : b.received()) {
                    received++;
                    check(frame);
                }
            }
            assertTrue(received >= ROUNDS,
                () -> "frames arrive all the time; drops: " + b.port.statistics().drops());
        }
    }

    private static byte[] filled(final byte with) {
        final byte[] bytes = new byte[LENGTH];
        Arrays.fill(bytes, with);
        return bytes;
    }

    private static void write(final long page, final byte content) {
        Memory.zero(page, TestGuest.HEADER);
        final byte[] frame = filled(content);
        System.arraycopy(Frames.ethernet(2, 1, 14), 0, frame, 0, 14);
        Memory.copy(frame, 0, page + TestGuest.HEADER, LENGTH);
    }

    private static void check(final byte[] frame) {
        assertEquals(LENGTH, frame.length);
        assertNotEquals(SECRET, frame[14]);
        for (int i = 15; i < LENGTH; i++) {
            assertEquals(frame[14], frame[i]);
        }
    }
}
