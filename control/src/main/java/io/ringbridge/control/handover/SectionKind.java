package io.ringbridge.control.handover;

/**
 * A kind of section, as this version writes and reads it.
 *
 * <pre>
 *  0        16            31         32       64
 * | number  | version - 1 | may skip | length | content
 * </pre>
 *
 * <p>A version may add fields to the end of a section. A reader ignores fields that it does not know, and uses a
 * default for fields that the writer did not know. The version of a section changes only with the meaning of its
 * content.
 *
 * @param number identifies the kind within its format, from 1 to 65535; never used again for another kind
 * @param version the version of the content, from 1 to 32768
 * @param label the name of the kind in messages
 * @param presence how many sections of this kind a reader expects
 * @param maySkip whether a reader that does not know this kind may skip it
 */
public record SectionKind(int number, int version, String label, Presence presence, boolean maySkip) {
    private static final int VERSION_SHIFT = 16;
    private static final int NUMBER_MASK = (1 << VERSION_SHIFT) - 1;
    private static final int MAY_SKIP = 1 << 31;

    /** The number of sections of a kind that a reader expects. */
    public enum Presence {
        /** Exactly one. */
        REQUIRED,
        /** One, or none if the writer does not know the kind or has nothing to write. */
        OPTIONAL,
        /** Any number. */
        REPEATED
    }

    /** Returns the first version of a kind that occurs exactly once. */
    public static SectionKind required(final int number, final String label) {
        return new SectionKind(number, 1, label, Presence.REQUIRED, false);
    }

    /** Returns the first version of a kind that occurs at most once. */
    public static SectionKind optional(final int number, final String label) {
        return new SectionKind(number, 1, label, Presence.OPTIONAL, false);
    }

    /** Returns the first version of a kind that occurs any number of times. */
    public static SectionKind repeated(final int number, final String label) {
        return new SectionKind(number, 1, label, Presence.REPEATED, false);
    }

    /** Returns this kind for a section that readers may skip if they do not know it. */
    public SectionKind skippable() {
        return new SectionKind(number, version, label, presence, true);
    }

    /** Returns the first word of a section of this kind. */
    int word() {
        return number | version - 1 << VERSION_SHIFT | (maySkip ? MAY_SKIP : 0);
    }

    /** Whether this is the kind and version of a section that starts with this word. */
    boolean isMeantBy(final int word) {
        return ((word() ^ word) & ~MAY_SKIP) == 0;
    }

    static int number(final int word) {
        return word & NUMBER_MASK;
    }

    static int version(final int word) {
        return ((word & ~MAY_SKIP) >>> VERSION_SHIFT) + 1;
    }

    static boolean maySkip(final int word) {
        return (word & MAY_SKIP) != 0;
    }
}
