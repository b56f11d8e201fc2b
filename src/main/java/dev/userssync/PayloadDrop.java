package dev.userssync;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import org.apache.camel.BindToRegistry;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Takes secrets out of a payload before anything else sees it: every key that the setting {@code payload.drop} names, at any depth, also in
 * JSON that stands inside a string (Keycloak's representation) or in its base64 (Zitadel's event_payload). Names are compared
 * without case, "_" and "-"; "*" stands for any text, and a boolean is no secret (has_password). In and out: {@link JsonNode}, changed in place; when something was dropped, the
 * variable {@code delivery}, which the dead-letter table would keep, becomes the document without it. Thread-safe.
 */
@BindToRegistry("payload-drop")
public final class PayloadDrop implements Processor, CamelContextAware {

    /** Field names of all providers together are some hundreds; whoever invents names for ever finds the memory bounded. */
    private static final int MOST_KNOWN = 10_000;
    /** How the base64 of "{" and "[" begins, with what JSON may have after them. */
    private static final Set<String> BASE64_OF_JSON = Set.of("ey", "ew", "W3", "Wy", "Ww");
    private static final ObjectMapper JSON = JsonBody.MAPPER;

    private final Map<String, Boolean> known = new ConcurrentHashMap<>();
    private Set<String> names = Set.of();
    private List<Pattern> patterns = List.of();
    private CamelContext context;

    @Override
    public CamelContext getCamelContext() {
        return context;
    }

    @Override
    public void setCamelContext(CamelContext context) {
        this.context = context;
        drop(context.getPropertiesComponent().resolveProperty("payload.drop").orElse(""));
    }

    /** @param list names and patterns, separated by space or comma; blank = nothing is dropped */
    void drop(String list) {
        Set<String> exact = new HashSet<>();
        List<Pattern> wild = new ArrayList<>();
        for (String entry : list.strip().split("[\\s,]+")) {
            String name = plain(entry);
            if (name.contains("*")) {
                wild.add(Pattern.compile("\\Q" + name.replace("*", "\\E.*\\Q") + "\\E", Pattern.DOTALL));
            } else if (!name.isEmpty()) {
                exact.add(name);
            }
        }
        known.clear();
        names = exact;
        patterns = wild;
    }

    private static String plain(String name) {
        return name.toLowerCase(Locale.ROOT).replace("_", "").replace("-", "");
    }

    @Override
    public void process(Exchange exchange) throws Exception {
        JsonNode document = exchange.getMessage().getBody(JsonNode.class);
        if (dropFrom(document)) {
            exchange.setVariable("delivery", JSON.writeValueAsBytes(document));
        }
    }

    /** @return whether anything was dropped */
    public boolean dropFrom(JsonNode node) {
        boolean dropped = false;
        if (node instanceof ObjectNode object) {
            for (Iterator<Map.Entry<String, JsonNode>> fields = object.fields(); fields.hasNext();) {
                Map.Entry<String, JsonNode> field = fields.next();
                if (!field.getValue().isBoolean() && isSecret(field.getKey())) {
                    fields.remove();
                    dropped = true;
                } else if (field.getValue().isContainerNode()) {
                    dropped |= dropFrom(field.getValue());
                } else {
                    String clean = withoutSecrets(field.getValue());
                    if (clean != null) {
                        field.setValue(object.textNode(clean));
                        dropped = true;
                    }
                }
            }
        } else if (node instanceof ArrayNode array) {
            for (int i = 0; i < array.size(); i++) {
                JsonNode element = array.get(i);
                String clean = element.isContainerNode() ? null : withoutSecrets(element);
                if (clean != null) {
                    array.set(i, array.textNode(clean));
                    dropped = true;
                } else {
                    dropped |= dropFrom(element);
                }
            }
        }
        return dropped;
    }

    private boolean isSecret(String name) {
        Boolean secret = known.get(name);
        if (secret == null) {
            String plain = plain(name);
            secret = names.contains(plain) || patterns.stream().anyMatch(pattern -> pattern.matcher(plain).matches());
            if (known.size() < MOST_KNOWN) {
                known.put(name, secret);
            }
        }
        return secret;
    }

    /** The text without the secrets in the JSON that it holds, or null when there is nothing to drop. */
    private String withoutSecrets(JsonNode value) {
        String text = value.textValue();
        if (text == null || text.length() < 2) {
            return null;
        }
        if (opens(text.stripLeading())) {
            return redacted(text);
        }
        if (BASE64_OF_JSON.contains(text.substring(0, 2))) {
            try {
                String clean = redacted(new String(Base64.getDecoder().decode(text), StandardCharsets.UTF_8));
                return clean == null ? null : Base64.getEncoder().encodeToString(clean.getBytes(StandardCharsets.UTF_8));
            } catch (IllegalArgumentException e) {
                return null;
            }
        }
        return null;
    }

    private static boolean opens(String text) {
        return !text.isEmpty() && (text.charAt(0) == '{' || text.charAt(0) == '[');
    }

    private String redacted(String json) {
        try {
            JsonNode document = JSON.readTree(json);
            return dropFrom(document) ? JSON.writeValueAsString(document) : null;
        } catch (JsonProcessingException e) {
            return null; // not JSON after all
        }
    }
}
