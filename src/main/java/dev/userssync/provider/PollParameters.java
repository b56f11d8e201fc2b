package dev.userssync.provider;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.userssync.settings.ContextBean;
import dev.userssync.settings.PollSettings;
import dev.userssync.settings.Providers;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.camel.BindToRegistry;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Sets the named parameters of the next SQL step: the settings of the pollers and the variables of the running poll. A
 * variable that is not set is NULL. Thread-safe.
 */
@BindToRegistry("poll-parameters")
public final class PollParameters extends ContextBean implements Processor {

    private static final List<String> VARIABLES = List.of(
            "provider",
            "fence",
            "unit",
            "changes",
            "asked",
            "stamp",
            "events",
            "entities",
            "lists",
            "job",
            "each",
            "kinds",
            "then",
            "ownerId",
            "differences",
            "ids",
            "firstId",
            "next",
            "retreat",
            "more",
            "restart",
            "total",
            "complete",
            "inside",
            "membersAreUsers",
            "unlisted",
            "without",
            "id",
            "userId",
            "fate",
            "why",
            "toldAt",
            "answer",
            "answered",
            "retryAfter",
            "refused",
            "error",
            "request");

    private Providers providers;
    private PollSettings settings;

    @Override
    public void process(Exchange exchange) throws Exception {
        String provider = exchange.getVariable("provider", String.class);
        Map<String, Object> parameters = new HashMap<>(settings.numbers());
        for (String variable : VARIABLES) {
            parameters.put(variable, exchange.getVariable(variable, String.class));
        }
        parameters.put("provider", Polls.poller(exchange));
        parameters.put("owner", Polls.OWNER);
        parameters.put("webhooks", Boolean.toString(providers.on().contains(provider)));
        parameters.put("prefix", settings.prefix(provider));
        parameters.put("otherPrefixes", otherPrefixes(provider));
        exchange.getMessage().setHeader("CamelJdbcParameters", parameters);
    }

    /** The id prefixes of all other providers with users in the table, as JSON. */
    private String otherPrefixes(String provider) throws Exception {
        return new ObjectMapper()
                .writeValueAsString(providers.othersThan(provider).stream()
                        .map(settings::prefix)
                        .toList());
    }

    @Override
    public void setCamelContext(CamelContext context) {
        super.setCamelContext(context);
        this.providers = new Providers(context);
        this.settings = new PollSettings(context);
    }
}
