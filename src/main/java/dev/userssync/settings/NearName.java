package dev.userssync.settings;

import java.util.Collection;
import java.util.Comparator;
import java.util.Optional;

/** Finds the known name that a misspelled one was probably meant to be. Stateless. */
public final class NearName {

    private NearName() {}

    /**
     * The nearest known name. Names of fewer than six letters may not differ at all: HOST is not a misspelled PORT.
     * Names of fewer than twelve letters may differ by one, longer ones by two.
     */
    public static Optional<String> of(String name, Collection<String> known) {
        int most = name.length() < 6 ? 0 : name.length() < 12 ? 1 : 2;
        return known.stream()
                .filter(other -> Math.abs(other.length() - name.length()) <= most && distance(name, other) <= most)
                .min(Comparator.comparingInt(other -> distance(name, other)));
    }

    /** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */
    private static int distance(String one, String other) {
        int[][] steps = new int[one.length() + 1][other.length() + 1];
        for (int i = 0; i <= one.length(); i++) {
            for (int j = 0; j <= other.length(); j++) {
                if (i == 0 || j == 0) {
                    steps[i][j] = i + j;
                    continue;
                }
                boolean same = one.charAt(i - 1) == other.charAt(j - 1);
                steps[i][j] =
                        Math.min(Math.min(steps[i - 1][j], steps[i][j - 1]) + 1, steps[i - 1][j - 1] + (same ? 0 : 1));
                if (i > 1
                        && j > 1
                        && one.charAt(i - 1) == other.charAt(j - 2)
                        && one.charAt(i - 2) == other.charAt(j - 1)) {
                    steps[i][j] = Math.min(steps[i][j], steps[i - 2][j - 2] + 1);
                }
            }
        }
        return steps[one.length()][other.length()];
    }
}
