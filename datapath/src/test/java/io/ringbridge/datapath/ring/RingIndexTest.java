package io.ringbridge.datapath.ring;

import org.junit.jupiter.api.Test;

import java.util.SplittableRandom;

import static org.junit.jupiter.api.Assertions.assertEquals;

class RingIndexTest {
    @Test
    void distanceAndAdvanceWrapAt65536() {
        assertEquals(0, RingIndex.distance(7, 7));
        assertEquals(1, RingIndex.distance(65535, 0));
        assertEquals(65535, RingIndex.distance(0, 65535));
        assertEquals(0, RingIndex.advance(65535, 1));
        assertEquals(65535, RingIndex.advance(0, -1));
    }

    @Test
    void aRingResumesAtItsUsedIndexUnlessTheDriverCannotBeThatFarAhead() {
        for (int used = 0; used < 65536; used += 5) {
            for (int ahead = 0; ahead < 100; ahead++) {
                assertEquals(ahead <= 64 ? used : 1234,
                    RingIndex.resume(used, RingIndex.advance(used, ahead), 64, 1234));
            }
            assertEquals(1234, RingIndex.resume(used, RingIndex.advance(used, -1), 64, 1234));
        }
    }

    @Test
    void passedIsTrueExactlyWhenTheEventLiesInTheStep() {
        final SplittableRandom random = new SplittableRandom(42);
        for (int i = 0; i < 100_000; i++) {
            final int old = random.nextInt(65536);
            final int step = random.nextInt(300);
            final int event = RingIndex.advance(old, random.nextInt(600) - 300);
            boolean expected = false;
            for (int k = 0; k < step; k++) {
                expected |= RingIndex.advance(old, k) == event;
            }
            assertEquals(expected, RingIndex.passed(event, RingIndex.advance(old, step), old),
                "old " + old + " step " + step + " event " + event);
        }
    }
}
