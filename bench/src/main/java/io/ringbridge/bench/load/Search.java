package io.ringbridge.bench.load;

import java.util.OptionalLong;

/**
 * Looks for the greatest number that passes a trial, by halving (RFC 2544, section 26.1): the highest first, then the middle of what is
 * left, until that is no wider than the resolution.
 */
public final class Search {
    private final long resolution;
    private long passed;
    private long failed;
    private boolean hasPassed;
    private boolean isDone;
    private long next;

    /**
     * Between two numbers, both of which may be the answer.
     *
     * @param resolution how near the answer has to be; 1 at least
     */
    public Search(final long lowest, final long highest, final long resolution) {
        if (lowest < 1 || highest < lowest || resolution < 1) {
            throw new IllegalArgumentException("a search from " + lowest + " to " + highest + " by " + resolution);
        }
        this.resolution = resolution;
        passed = lowest - 1;
        failed = highest + 1;
        next = highest;
    }

    /** Whether the answer is known. */
    public boolean isDone() {
        return isDone;
    }

    /** What to try now. */
    public long next() {
        return next;
    }

    /** What came of {@link #next}. */
    public void tried(final boolean hasPassedNow) {
        if (isDone) {
            throw new IllegalStateException("the search is over");
        }
        if (hasPassedNow) {
            passed = next;
            hasPassed = true;
        } else {
            failed = next;
        }
        isDone = failed - passed <= resolution;
        next = passed + (failed - passed) / 2;
    }

    /** The greatest number that has passed, if any has. */
    public OptionalLong best() {
        return hasPassed ? OptionalLong.of(passed) : OptionalLong.empty();
    }
}
