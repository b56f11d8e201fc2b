package dev.userssync;

import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.camel.CamelContext;

/**
 * The providers that the settings name: every {@code <provider>.webhook.secret} is one, and a secret turns it on.
 * Thread-safe.
 */
final class Providers {

    static final String SECRET = ".webhook.secret";
    /** The demonstration; never turned on by hand. */
    static final String SAMPLE = "sample";

    private final CamelContext context;

    Providers(CamelContext context) {
        this.context = context;
    }

    /** All providers and whether each is on, sorted by name. */
    Map<String, Boolean> all() {
        Map<String, Boolean> providers = new TreeMap<>();
        Properties secrets = context.getPropertiesComponent().loadProperties(name -> name.endsWith(SECRET));
        for (String name : secrets.stringPropertyNames()) {
            String provider = name.substring(0, name.length() - SECRET.length());
            providers.put(provider, !secret(provider).isBlank());
        }
        return providers;
    }

    /** The providers that are on. */
    List<String> on() {
        return all().entrySet().stream().filter(Map.Entry::getValue).map(Map.Entry::getKey).toList();
    }

    /** The environment variable that turns a provider on. */
    static String secretSetting(String provider) {
        return (provider + SECRET).toUpperCase().replaceAll("[.-]", "_");
    }

    private String secret(String provider) {
        return context.getPropertiesComponent().resolveProperty(provider + SECRET).orElse("");
    }
}
