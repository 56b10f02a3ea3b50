package io.ringbridge.bench.load;

import java.util.Arrays;
import java.util.List;

/**
 * The lengths of frames that are sent, one after the other, over and over.
 *
 * @param title for people: the length, or the name of the mix
 * @param lengths in bytes, without the check sequence
 */
public record FrameMix(String title, List<Integer> lengths) {
    /** The shortest and the longest frame that may be sent. */
    public static final int SHORTEST = 64;
    public static final int LONGEST = 9000;

    private static final String IMIX_NAME = "imix";
    /** Seven short frames, four of medium length, one long; spread as evenly as they go. */
    private static final FrameMix IMIX = new FrameMix(IMIX_NAME, List.of(64, 570, 64, 64, 570, 64, 1518, 64, 570, 64, 64, 570));

    /**
     * Reads a length, or the name of a mix.
     *
     * @throws IllegalArgumentException when it is neither, with a message that says what is allowed
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
            // The message is the same.
        }
        throw new IllegalArgumentException("'" + text + "' is no frame size; " + SHORTEST + " to " + LONGEST + " bytes or " + IMIX_NAME
            + " is allowed");
    }

    /** The longest of the lengths. */
    public int longest() {
        return lengths.stream().mapToInt(Integer::intValue).max().orElseThrow();
    }

    /** The bits of an average frame. */
    public double averageBits() {
        return lengths.stream().mapToInt(Integer::intValue).average().orElseThrow() * Byte.SIZE;
    }

    int[] cycle() {
        return lengths.stream().mapToInt(Integer::intValue).toArray();
    }

    /** The longest frame of several mixes. */
    public static int longestOf(final FrameMix... mixes) {
        return Arrays.stream(mixes).mapToInt(FrameMix::longest).max().orElse(SHORTEST);
    }
}
