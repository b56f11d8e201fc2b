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
     * provider that does not exist.
     */
    public static List<String> findings(
            Map<String, String> environment, Set<String> known, Collection<String> providers) {
        List<String> findings = new ArrayList<>();
        new TreeMap<>(environment).forEach((name, value) -> {
            if (value.isBlank() || known.contains(name)) {
                return;
            }
            String nearest = NearName.of(name, known).orElse(null);
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
}
