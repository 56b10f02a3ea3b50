package io.ringbridge.datapath.packet;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.util.SplittableRandom;

import static org.junit.jupiter.api.Assertions.assertEquals;

class FrameKindsTest {
    @ParameterizedTest
    @CsvSource({"14,0", "63,0", "64,0", "65,1", "127,1", "128,2", "255,2", "256,3", "511,3", "512,4", "1023,4",
        "1024,5", "1518,5", "1519,6", "1520,6", "65553,6"})
    void everyLengthIsInTheClassOfRfc2819(final int length, final int expected) {
        final long counts = FrameKinds.ofLength(length);
        assertEquals(expected, FrameKinds.lowestClass(counts));
        assertEquals(1, FrameKinds.count(counts, expected));
        assertEquals(0, FrameKinds.without(counts, expected));
    }

    @Test
    void noClassOverflowsIntoAnother() {
        for (int each = 0; each < FrameKinds.LENGTHS; each++) {
            final int length = each + 1 < FrameKinds.LENGTHS ? FrameKinds.longest(each) : 9000;
            final long counts = 511 * FrameKinds.ofLength(length);
            for (int other = 0; other < FrameKinds.LENGTHS; other++) {
                assertEquals(other == each ? 511 : 0, FrameKinds.count(counts, other));
            }
            assertEquals(0, FrameKinds.without(counts, each));
        }
    }

    @ParameterizedTest
    @CsvSource({"0", "1", "2", "63", "511"})
    void framesCountLikeEachOfThem(final int frames) {
        final SplittableRandom random = new SplittableRandom(frames);
        for (final int most : new int[] {64, 127, 1600, 65553}) {
            final int[] lengths = random.ints(511, 14, most + 1).map(length -> length + 12).toArray();
            long expected = 0;
            for (int i = 0; i < frames; i++) {
                expected += FrameKinds.ofLength(lengths[i] - 12);
            }
            assertEquals(expected, FrameKinds.ofLengths(lengths, frames, 12));
        }
    }

    @Test
    void destinationsAreUnicastMulticastOrBroadcast() {
        assertEquals(0, FrameKinds.ofDestination(MacAddress.parse("52:54:00:00:00:01")));
        final long multicast = FrameKinds.ofDestination(MacAddress.parse("01:00:5e:00:00:01"));
        assertEquals(1, FrameKinds.multicasts(multicast));
        assertEquals(0, FrameKinds.broadcasts(multicast));
        final long broadcast = FrameKinds.ofDestination(-1L); // whatever follows the address
        assertEquals(0, FrameKinds.multicasts(broadcast));
        assertEquals(1, FrameKinds.broadcasts(broadcast));
    }
}
