package io.ringbridge.datapath.memory;

import org.junit.jupiter.api.Test;

import java.util.SplittableRandom;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Lists of pieces. Their addresses only number the bytes here; nothing is read. */
class SegmentsTest {
    private static final long INSERTED = 1L << 40;

    private final SplittableRandom random = new SplittableRandom(4);

    /** Returns the addresses of all bytes, in order. */
    private static long[] bytes(final Segments segments) {
        final long[] bytes = new long[segments.totalLength()];
        int at = 0;
        for (int i = 0; i < segments.count(); i++) {
            for (int k = 0; k < segments.length(i); k++) {
                bytes[at++] = segments.address(i) + k;
            }
        }
        assertEquals(bytes.length, at, "the sum of all lengths");
        return bytes;
    }

    private Segments pieces(final int count) {
        final Segments segments = new Segments();
        for (int i = 0; i < count; i++) {
            assertTrue(segments.add(1000L * i, random.nextInt(7)));
        }
        return segments;
    }

    @Test
    void spliceReplacesAnyBytesWithAPiece() {
        final Segments spliced = new Segments();
        for (int round = 0; round < 20_000; round++) {
            final Segments segments = pieces(1 + random.nextInt(9));
            final int total = segments.totalLength();
            final int from = random.nextInt(total + 1);
            final int replaced = random.nextInt(total - from + 1);
            final int length = 1 + random.nextInt(6);
            spliced.splice(segments, from, replaced, INSERTED, length);
            final long[] before = bytes(segments);
            final long[] after = bytes(spliced);
            assertEquals(total - replaced + length, after.length);
            for (int i = 0; i < after.length; i++) {
                final long expected = i < from ? before[i]
                    : i < from + length ? INSERTED + i - from : before[i - length + replaced];
                assertEquals(expected, after[i], "byte " + i + " of round " + round);
            }
        }
    }

    @Test
    void theLongestChainCanBeSpliced() {
        final Segments segments = new Segments();
        for (int i = 0; i < Segments.MAX_SEGMENTS; i++) {
            assertTrue(segments.add(1000L * i, 20));
        }
        assertFalse(segments.add(0, 20));
        final Segments spliced = new Segments();
        spliced.splice(segments, 12, 2, INSERTED, 6);
        assertEquals(Segments.MAX_SEGMENTS + 2, spliced.count());
        assertEquals(20 * Segments.MAX_SEGMENTS + 4, bytes(spliced).length);
    }
}
