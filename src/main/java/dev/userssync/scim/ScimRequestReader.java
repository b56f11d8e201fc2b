package dev.userssync.scim;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.unboundid.scim2.common.exceptions.BadRequestException;
import dev.userssync.client.ScimClient;
import dev.userssync.event.StorableText;
import dev.userssync.event.UserId;
import dev.userssync.resource.Json;
import dev.userssync.resource.Schema;
import dev.userssync.settings.ContextBean;
import dev.userssync.settings.Providers;
import io.vertx.core.http.HttpServerRequest;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.camel.BindToRegistry;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.component.platform.http.vertx.HttpMessage;

/**
 * Reads an HTTP request into the variable {@code request}, a {@link ScimRequest}. In: the request with its bytes as
 * body, and the variable {@link ScimClient#VARIABLE}. It reads the request itself, because Camel's headers mix query,
 * headers and path. Thread-safe.
 */
@BindToRegistry("scim-request")
public final class ScimRequestReader extends ContextBean implements Processor {

    private static final String ROOT = "/scim/v2";
    private static final String SEARCH = "/.search";

    private ScimClient ofSecret;

    /** @throws BadRequestException invalidSyntax if the body or the URL cannot be read */
    @Override
    public void process(Exchange exchange) throws Exception {
        HttpServerRequest http = exchange.getMessage(HttpMessage.class).getRequest();
        byte[] bytes = exchange.getMessage().getBody(byte[].class);
        boolean hasBody = List.of("POST", "PUT", "PATCH").contains(http.method().name());
        ObjectNode body = hasBody ? storable(exchange, Json.object(bytes)) : null;
        boolean isSearch = http.method().name().equals("POST") && http.path().endsWith(SEARCH);
        exchange.setVariable(UserId.PREFIX, ""); // the events of SCIM hold whole ids
        exchange.setVariable(
                ScimRequest.VARIABLE,
                new ScimRequest(
                        exchange.getVariable(ScimClient.VARIABLE, ofSecret, ScimClient.class),
                        schema(http.path()),
                        isSearch ? null : id(http.path()),
                        isSearch ? parameters(body) : parameters(http),
                        body,
                        base(http),
                        http.getHeader("If-Match"),
                        http.getHeader("If-None-Match")));
    }

    /**
     * The body with U+FFFD for characters that Postgres cannot store, so that the client sees the stored text.
     *
     * @throws BadRequestException invalidValue if the replacement would change the client's id of a user
     */
    private static ObjectNode storable(Exchange exchange, ObjectNode body) throws BadRequestException {
        String given = Json.text(body);
        String storable = StorableText.ofJson(StorableText.of(given));
        if (storable == given) {
            return body;
        }
        if (!StorableText.isStorable(body.path("externalId").asText())) {
            throw BadRequestException.invalidValue(
                    "externalId holds U+0000 or half of a surrogate pair, which Postgres cannot store");
        }
        StorableText.replaced(exchange.getContext(), Providers.SCIM);
        return Json.object(storable);
    }

    private static Schema schema(String path) {
        String resource = path.substring(ROOT.length());
        return Arrays.stream(Schema.values())
                .filter(schema -> (resource + "/").startsWith(schema.endpoint + "/"))
                .findFirst()
                .orElse(null);
    }

    private static String id(String path) throws BadRequestException {
        String[] parts = path.substring(ROOT.length()).split("/", -1);
        if (parts.length != 3 || parts[2].isEmpty()) {
            return null;
        }
        try {
            return URLDecoder.decode(
                    parts[2].replace("+", "%2B"), StandardCharsets.UTF_8); // in a path, + is a plain character
        } catch (IllegalArgumentException e) {
            throw BadRequestException.invalidSyntax("the path is not percent-encoded correctly");
        }
    }

    private static Map<String, String> parameters(HttpServerRequest http) throws BadRequestException {
        Map<String, String> parameters = new HashMap<>();
        for (Map.Entry<String, String> parameter : http.params()) {
            if (parameters.put(parameter.getKey(), parameter.getValue()) != null) {
                throw BadRequestException.invalidSyntax("a parameter appears more than once");
            }
        }
        return parameters;
    }

    /** The parameters of a search, which are attributes of its body (RFC 7644 §3.4.3). */
    private static Map<String, String> parameters(ObjectNode search) {
        Map<String, String> parameters = new HashMap<>();
        for (String name :
                List.of("filter", "sortBy", "sortOrder", "startIndex", "count", "attributes", "excludedAttributes")) {
            JsonNode value = search.path(name);
            if (value.isArray()) {
                List<String> values = new ArrayList<>();
                value.forEach(one -> values.add(one.asText()));
                parameters.put(name, String.join(",", values));
            } else if (value.isValueNode() && !value.isNull()) {
                parameters.put(name, value.asText());
            }
        }
        return parameters;
    }

    /** The URL as the client wrote it. Behind a proxy that ends TLS, the client's scheme is in X-Forwarded-Proto. */
    private static String base(HttpServerRequest http) {
        String host = http.authority() == null ? "" : http.authority().toString(); // HTTP/2 has no header Host
        String scheme = "https".equalsIgnoreCase(http.getHeader("X-Forwarded-Proto")) ? "https" : http.scheme();
        return !host.matches("[\\w.:\\[\\]-]+") ? ROOT : scheme + "://" + host + ROOT;
    }

    @Override
    public void setCamelContext(CamelContext context) {
        super.setCamelContext(context);
        this.ofSecret = ScimClient.ofSecret(ScimSettings.of(context).idPrefix());
    }
}
