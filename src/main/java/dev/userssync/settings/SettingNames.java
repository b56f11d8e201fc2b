package dev.userssync.settings;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.camel.CamelContext;

/**
 * Finds environment variables that only look like settings: {@code CLERK_WEBHOK_SECRET} turns nothing on. Never shows a
 * value.
 */
public final class SettingNames {

    private static final Pattern VARIABLE = Pattern.compile("\\{\\{\\??env:([A-Z0-9_]+)");
    private static final Pattern OF_A_PROVIDER =
            Pattern.compile("([A-Z0-9_]+)_(WEBHOOK_SECRET|WEBHOOK_SECRET_FILE|JWKS_URL|ID_PREFIX)");

    private SettingNames() {}

    /** The variables that the settings read, and those that name the files of secrets. */
    public static Set<String> known(CamelContext context) {
        Set<String> known = new TreeSet<>(Set.of(
                "KAFKA_ROLE", "KAFKA_BROKERS", "KAFKA_TOPIC", "KAFKA_GROUP", "KAFKA_CONSUMERS", "USERS_SYNC_URL"));
        Properties settings = context.getPropertiesComponent().loadProperties(setting -> true);
        settings.stringPropertyNames().forEach(name -> {
            known.add(Setting.variable(name));
            Matcher variables = VARIABLE.matcher(settings.getProperty(name));
            while (variables.find()) {
                known.add(variables.group(1));
            }
            if (SecretFiles.isSecret(name)) {
                known.add(Setting.variable(name) + SecretFiles.SUFFIX);
            }
        });
        return known;
    }

    /**
     * One line for each unknown variable that is set and resembles a known one, or that is named like a setting of a
     * provider that does not exist. Names of fewer than six letters may not differ at all: HOST is not a misspelled
     * PORT.
     */
    public static List<String> findings(
            Map<String, String> environment, Set<String> known, Collection<String> providers) {
        List<String> findings = new ArrayList<>();
        new TreeMap<>(environment).forEach((name, value) -> {
            if (value.isBlank() || known.contains(name)) {
                return;
            }
            int most = name.length() < 6 ? 0 : name.length() < 12 ? 1 : 2;
            String nearest = known.stream()
                    .filter(other -> Math.abs(other.length() - name.length()) <= most && distance(name, other) <= most)
                    .min((one, other) -> distance(name, one) - distance(name, other))
                    .orElse(null);
            Matcher ofAProvider = OF_A_PROVIDER.matcher(name);
            if (nearest != null) {
                findings.add(name + " is set, but there is no such setting: did you mean " + nearest + "?");
            } else if (ofAProvider.matches()) {
                findings.add(name + " is set, but there is no provider "
                        + ofAProvider.group(1).toLowerCase().replace('_', '-') + "; there are "
                        + String.join(", ", providers));
            }
        });
        return findings;
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
