package io.ringbridge.bench.load;

import java.util.Arrays;
import java.util.List;

/**
 * A repeating sequence of frame lengths.
 *
 * @param title the length, or the name of the mix, for the report
 * @param lengths in bytes, without the check sequence
 */
public record FrameMix(String title, List<Integer> lengths) {
    /** The shortest allowed frame in bytes. */
    public static final int SHORTEST = 64;
    /** The longest allowed frame in bytes. */
    public static final int LONGEST = 9000;

    private static final String IMIX_NAME = "imix";
    /** Seven short frames, four of medium length and one long frame, spread as evenly as possible. */
    private static final FrameMix IMIX = new FrameMix(IMIX_NAME, List.of(64, 570, 64, 64, 570, 64, 1518, 64, 570, 64,
        64, 570));

    /**
     * Parses a length, or the name of a mix.
     *
     * @throws IllegalArgumentException if the text is neither; the message names the allowed values
     */
    public static FrameMix parse(final String text) {
        if (IMIX_NAME.equalsIgnoreCase(text)) {
            return IMIX;
        }
        try {
            final int length = Integer.parseInt(text);
            if (length >= SHORTEST && length <= LONGEST) {
                return new FrameMix(text, List.of(length));
            }
        } catch (NumberFormatException _) {
            // Falls through to the same message as a length that is out of range.
        }
        throw new IllegalArgumentException("'" + text + "' is not a frame size; " + SHORTEST + " to " + LONGEST
            + " bytes or " + IMIX_NAME
            + " is allowed");
    }

    /** Returns the longest length of the mix in bytes. */
    public int longest() {
        return lengths.stream().mapToInt(Integer::intValue).max().orElseThrow();
    }

    /** Returns the average length of a frame in bits. */
    public double averageBits() {
        return lengths.stream().mapToInt(Integer::intValue).average().orElseThrow() * Byte.SIZE;
    }

    int[] cycle() {
        return lengths.stream().mapToInt(Integer::intValue).toArray();
    }

    /** Returns the longest length of several mixes in bytes. */
    public static int longestOf(final FrameMix... mixes) {
        return Arrays.stream(mixes).mapToInt(FrameMix::longest).max().orElse(SHORTEST);
    }
}
