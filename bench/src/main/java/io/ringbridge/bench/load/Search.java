package io.ringbridge.bench.load;

import java.util.OptionalLong;

/**
 * A binary search for the greatest number that passes a trial (RFC 2544, section 26.1). It tries the highest number
 * first, then the middle of the remaining interval, until the interval is no wider than the resolution.
 */
public final class Search {
    private final long resolution;
    private long passed;
    private long failed;
    private boolean hasPassed;
    private boolean isDone;
    private long next;

    /**
     * Starts a search between two numbers, both of which may be the answer.
     *
     * @param resolution the largest allowed distance from the exact answer, at least 1
     */
    public Search(final long lowest, final long highest, final long resolution) {
        if (lowest < 1 || highest < lowest || resolution < 1) {
            throw new IllegalArgumentException("cannot search from " + lowest + " to " + highest + " with resolution "
                + resolution);
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

    /** Returns the number to try now. */
    public long next() {
        return next;
    }

    /** Records whether {@link #next} passed its trial. */
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

    /** Returns the greatest number that has passed, if any has. */
    public OptionalLong best() {
        return hasPassed ? OptionalLong.of(passed) : OptionalLong.empty();
    }
}
