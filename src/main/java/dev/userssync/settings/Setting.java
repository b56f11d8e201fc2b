package dev.userssync.settings;

import java.util.Locale;
import org.apache.camel.CamelContext;

/**
 * Reads a setting of config/application.properties with its current value: from the environment, a file or an override.
 */
public final class Setting {

    private Setting() {}

    /** The value without surrounding white space; "" if it is not set. */
    public static String of(CamelContext context, String name) {
        return context.getPropertiesComponent().resolveProperty(name).orElse("").strip();
    }

    /** The environment variable that sets it. */
    public static String variable(String name) {
        return name.toUpperCase(Locale.ROOT).replaceAll("[.-]", "_");
    }
}
