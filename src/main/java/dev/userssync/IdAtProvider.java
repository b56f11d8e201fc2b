package dev.userssync;

import java.util.Properties;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * The id of a row as its provider knows it: without the prefix that {@code <provider>.id.prefix} puts before it. In: the header
 * {@code id}; out: the headers {@code idAtProvider} and, where a prefix tells it, {@code provider}. Thread-safe.
 */
@BindToRegistry("id-at-provider")
public final class IdAtProvider implements Processor {

    private static final String PREFIX = ".id.prefix";

    @Override
    public void process(Exchange exchange) {
        String id = exchange.getMessage().getHeader("id", String.class);
        exchange.getMessage().setHeader("idAtProvider", id);
        Properties prefixes = exchange.getContext().getPropertiesComponent().loadProperties(name -> name.endsWith(PREFIX));
        for (String name : prefixes.stringPropertyNames()) {
            String prefix = exchange.getContext().getPropertiesComponent().resolveProperty(name).orElse("");
            if (!prefix.isEmpty() && id.startsWith(prefix) && id.length() > prefix.length()) {
                exchange.getMessage().setHeader("idAtProvider", id.substring(prefix.length()));
                exchange.getMessage().setHeader("provider", name.substring(0, name.length() - PREFIX.length()));
            }
        }
    }
}
