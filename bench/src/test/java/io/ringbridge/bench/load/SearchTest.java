package io.ringbridge.bench.load;

import org.junit.jupiter.api.Test;

import java.util.OptionalLong;
import java.util.SplittableRandom;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class SearchTest {
    private static final int MAX_TRIALS = 64;

    private static Search search(final long lowest, final long highest, final long resolution, final long limit) {
        final Search search = new Search(lowest, highest, resolution);
        for (int trials = 0; !search.isDone(); trials++) {
            assertTrue(trials < MAX_TRIALS);
            assertTrue(search.next() >= lowest && search.next() <= highest);
            search.tried(search.next() <= limit);
        }
        return search;
    }

    @Test
    void theHighestIsTriedFirst() {
        final Search search = new Search(1, 1_000_000, 10);
        assertEquals(1_000_000, search.next());
        search.tried(true);
        assertTrue(search.isDone());
        assertEquals(OptionalLong.of(1_000_000), search.best());
    }

    @Test
    void anyLimitIsFoundExactly() {
        final SplittableRandom random = new SplittableRandom(20_261);
        for (int i = 0; i < 1000; i++) {
            final long lowest = random.nextLong(1, 50);
            final long highest = lowest + random.nextLong(0, 1000);
            final long limit = random.nextLong(0, highest + 10);
            final OptionalLong expected = limit < lowest ? OptionalLong.empty()
                : OptionalLong.of(Math.min(limit, highest));
            assertEquals(expected, search(lowest, highest, 1, limit).best(), () -> lowest + ".." + highest + " limit "
                + limit);
        }
    }

    @Test
    void theAnswerHasPassedAndIsWithinTheResolution() {
        final long limit = 123_456;
        final long best = search(1, 1_000_000, 1000, limit).best().orElseThrow();
        assertTrue(best <= limit && limit - best <= 1000, () -> "found " + best);
    }

    @Test
    void thereIsNoAnswerIfEveryNumberFails() {
        assertEquals(OptionalLong.empty(), search(1, 100_000, 100, 0).best());
        assertThrows(IllegalArgumentException.class, () -> new Search(0, 10, 1));
        assertThrows(IllegalStateException.class, () -> search(1, 10, 1, 5).tried(true));
    }
}
