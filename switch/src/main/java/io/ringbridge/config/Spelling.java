package io.ringbridge.config;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Spells enum constants as users write them, and suggests corrections for misspelt words. */
public final class Spelling {
    private static final int NEAR = 3;

    private Spelling() {
    }

    static String word(final Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** Returns words as alternatives: {@code a, b or c}. */
    static String alternatives(final List<String> words) {
        final int last = words.size() - 1;
        return String.join(", ", words.subList(0, last)) + " or " + words.get(last);
    }

    /** Returns the allowed word that is most similar to a wrong one, if any is similar. */
    public static Optional<String> nearest(final String wrong, final List<String> allowed) {
        return allowed.stream()
            .filter(word -> distance(wrong, word) < Math.min(NEAR, word.length()))
            .min(Comparator.comparingInt(word -> distance(wrong, word)));
    }

    /** Returns the number of letters to insert, remove, replace or swap with their neighbour. */
    static int distance(final String a, final String b) {
        final int[][] d = new int[a.length() + 1][b.length() + 1];
        for (int i = 0; i <= a.length(); i++) {
            for (int j = 0; j <= b.length(); j++) {
                if (i == 0 || j == 0) {
                    d[i][j] = i + j;
                    continue;
                }
                final boolean same = a.charAt(i - 1) == b.charAt(j - 1);
                d[i][j] = Math.min(d[i - 1][j - 1] + (same ? 0 : 1), Math.min(d[i - 1][j], d[i][j - 1]) + 1);
                if (i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1)) {
                    d[i][j] = Math.min(d[i][j], d[i - 2][j - 2] + 1);
                }
            }
        }
        return d[a.length()][b.length()];
    }
}
