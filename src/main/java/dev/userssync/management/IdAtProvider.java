package dev.userssync.management;

import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Turns the id of a row into the id at its provider: without the prefix of {@code <provider>.id.prefix}. In: the header
 * {@code id}. Out: the header {@code idAtProvider} and, if a prefix fits, {@code provider}: all providers with this
 * prefix, separated by commas. The longest fitting prefix counts. Thread-safe.
 */
@BindToRegistry("id-at-provider")
public final class IdAtProvider implements Processor {

    private static final String PREFIX = ".id.prefix";

    @Override
    public void process(Exchange exchange) {
        String id = exchange.getMessage().getHeader("id", String.class);
        exchange.getMessage().setHeader("idAtProvider", id);
        String longest = "";
        Set<String> providers = new TreeSet<>();
        Properties prefixes =
                exchange.getContext().getPropertiesComponent().loadProperties(name -> name.endsWith(PREFIX));
        for (String name : prefixes.stringPropertyNames()) {
            String prefix = exchange.getContext()
                    .getPropertiesComponent()
                    .resolveProperty(name)
                    .orElse("");
            if (prefix.isEmpty()
                    || prefix.length() < longest.length()
                    || !id.startsWith(prefix)
                    || id.length() == prefix.length()) {
                continue;
            }
            if (prefix.length() > longest.length()) {
                longest = prefix;
                providers.clear();
            }
            providers.add(name.substring(0, name.length() - PREFIX.length()));
        }
        if (!providers.isEmpty()) {
            exchange.getMessage().setHeader("idAtProvider", id.substring(longest.length()));
            exchange.getMessage().setHeader("provider", String.join(",", providers));
        }
    }
}
