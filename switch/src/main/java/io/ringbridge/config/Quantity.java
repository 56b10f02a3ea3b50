package io.ringbridge.config;

/** Numbers with their nouns, for messages. */
public final class Quantity {
    private Quantity() {
    }

    /**
     * Returns a number and its noun, such as "1 port" and "2 ports".
     *
     * @param noun the singular, whose plural ends in "s"
     */
    public static String of(final int number, final String noun) {
        return number + " " + noun + (number == 1 ? "" : "s");
    }
}
