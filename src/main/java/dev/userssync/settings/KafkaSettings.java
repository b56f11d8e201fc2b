package dev.userssync.settings;

import java.util.Locale;
import java.util.Set;
import org.apache.camel.CamelContext;
import org.apache.camel.util.StringHelper;

/**
 * The role of this instance in the profile kafka: it fills the topic, empties it, or both. Without the profile the role
 * is off. Immutable and thread-safe.
 */
public final class KafkaSettings {

    private static final String COMPONENT = "camel.component.kafka.";
    private static final String ENVIRONMENT = "CAMEL_COMPONENT_KAFKA_";
    private static final Set<String> ROLES = Set.of("both", "ingest", "apply");

    private final CamelContext context;
    private final String role;

    public KafkaSettings(CamelContext context) {
        this.context = context;
        this.role = Setting.of(context, "kafka.role");
    }

    /** @throws StartupFailure if a setting of the profile is missing or cannot be used; the message names it */
    public void check() {
        if (role.equals("off")) {
            return;
        }
        if (!ROLES.contains(role)) {
            throw new StartupFailure(
                    "KAFKA_ROLE must be ingest (takes deliveries and fills the topic), apply (empties the topic into the table) or both; it is "
                            + role);
        }
        if (Setting.of(context, COMPONENT + "brokers").isEmpty()) {
            throw new StartupFailure(
                    "KAFKA_BROKERS must name brokers, such as kafka1:9092,kafka2:9092, in the profile kafka");
        }
        if (Setting.of(context, "database.url").isEmpty()) {
            throw new StartupFailure(
                    "DATABASE_URL must be set in the profile kafka: the embedded database serves one instance only");
        }
    }

    /**
     * Turns {@code CAMEL_COMPONENT_KAFKA_SECURITY_PROTOCOL} into {@code camel.component.kafka.securityProtocol}, and so
     * on for every option. Camel should do so itself, but 4.17.0 looks for names that start with
     * {@code camel.component.} (MainHelper.filterEnvVariables).
     */
    public void takeEnvironment() {
        if (role.equals("off")) {
            return;
        }
        System.getenv().forEach((name, value) -> {
            if (name.startsWith(ENVIRONMENT)) {
                String option = StringHelper.dashToCamelCase(name.substring(ENVIRONMENT.length())
                        .toLowerCase(Locale.ROOT)
                        .replace('_', '-'));
                context.getPropertiesComponent().addOverrideProperty(COMPONENT + option, value);
            }
        });
    }

    /** True if this instance answers a delivery once the brokers have its user event. */
    public boolean isDoor() {
        return role.equals("both") || role.equals("ingest");
    }

    /** True if this instance takes no deliveries, whichever secrets are set. */
    public boolean appliesOnly() {
        return role.equals("apply");
    }

    /** True if this instance never writes user events to the table; it also starts without the table. */
    public boolean ingestsOnly() {
        return role.equals("ingest");
    }

    public boolean applies() {
        return role.equals("both") || role.equals("apply");
    }
}
