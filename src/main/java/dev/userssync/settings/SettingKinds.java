package dev.userssync.settings;

import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.camel.CamelContext;

/**
 * Checks the settings that must be numbers or booleans, before anything reads them. Camel would end the start with a
 * stack trace, and Java reads every text but {@code true} as {@code false}.
 */
public final class SettingKinds {

    private static final String PORT =
            "a port number|[1-9]\\d{0,3}|[1-5]\\d{4}|6[0-4]\\d{3}|65[0-4]\\d\\d|655[0-2]\\d|6553[0-5]";
    private static final String TRUE_OR_FALSE = "true or false|(?i:true|false)";
    private static final String SECONDS = "a number of seconds from 1 to 99999|[1-9]\\d{0,4}";
    private static final String TOLERANCE = ".webhook.tolerance";

    /** A setting, its environment variable, and its kind: words and a pattern. */
    private static final String[][] KINDS = {
        {"camel.server.port", "PORT", PORT},
        {"camel.management.port", "MANAGEMENT_PORT", PORT},
        {"camel.server.maxBodySize", "MAX_BODY_SIZE", "a number of bytes|[1-9]\\d{0,8}"},
        {"request.timeout", "REQUEST_TIMEOUT", SECONDS},
        {"retry.after", "RETRY_AFTER", SECONDS},
        {"camel.ssl.enabled", "TLS_ENABLED", TRUE_OR_FALSE},
        {"camel.management.useGlobalSslContextParameters", "TLS_MANAGEMENT", TRUE_OR_FALSE},
        {"tracing.enabled", "TRACING", TRUE_OR_FALSE},
        {"event-log.enabled", "EVENT_LOG", TRUE_OR_FALSE},
        {"database.migrate", "DATABASE_MIGRATE", TRUE_OR_FALSE},
        {"shared.ids", "SHARED_IDS", TRUE_OR_FALSE},
        {"kafka.consumers", "KAFKA_CONSUMERS", "a number from 1 to 999|[1-9]\\d{0,2}"}
    };

    private SettingKinds() {}

    /** @throws StartupFailure that names the environment variable */
    public static void check(CamelContext context) {
        Map<String, String[]> kinds = new LinkedHashMap<>();
        for (String[] kind : KINDS) {
            kinds.put(kind[0], new String[] {kind[1], kind[2]});
        }
        for (String name : context.getPropertiesComponent()
                .loadProperties(setting -> setting.endsWith(TOLERANCE))
                .stringPropertyNames()) {
            kinds.put(name, new String[] {Setting.variable(name), SECONDS});
        }
        kinds.forEach((name, kind) -> {
            String value = Setting.of(context, name);
            int words = kind[1].indexOf('|');
            if (!value.isEmpty() && !value.matches(kind[1].substring(words + 1))) {
                throw new StartupFailure(kind[0] + " must be " + kind[1].substring(0, words) + ", not " + value);
            }
        });
    }
}
