package io.ringbridge.control.protocol;

/**
 * The sizes, or the numbers of descriptors, that a message may have.
 *
 * @param min the smallest
 * @param max the largest
 */
public record Range(int min, int max) {
    static Range exactly(final int n) {
        return new Range(n, n);
    }

    static Range between(final int min, final int max) {
        return new Range(min, max);
    }

    /** Whether a number is allowed. */
    public boolean allows(final int n) {
        return n >= min && n <= max;
    }

    @Override
    public String toString() {
        return min == max ? Integer.toString(min) : min + " to " + max;
    }
}
