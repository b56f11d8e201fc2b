package dev.userssync.settings;

import java.util.Locale;
import org.apache.camel.CamelContext;

/** A setting of config/application.properties as it is now: what the environment, a file or an override says. */
public final class Setting {

    private Setting() {
    }

    /** Without white space around it; "" when it is not set. */
    public static String of(CamelContext context, String name) {
        return context.getPropertiesComponent().resolveProperty(name).orElse("").strip();
    }

    /** The environment variable that sets it. */
    public static String variable(String name) {
        return name.toUpperCase(Locale.ROOT).replaceAll("[.-]", "_");
    }
}
