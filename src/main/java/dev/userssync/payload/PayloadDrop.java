package dev.userssync.payload;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.userssync.event.DeliveredEvents;
import dev.userssync.event.InvalidUserEvent;
import dev.userssync.event.JsonBody;
import dev.userssync.settings.ContextBean;
import dev.userssync.settings.Setting;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.camel.BindToRegistry;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Drops secrets from a payload at any depth, before anything else sees it. It drops the keys that {@link SecretNames}
 * and the setting {@code payload.drop} name, and under any key text in the form of a private key or a password's hash.
 * It searches JSON inside a string (Keycloak's representation) or in its base64 (Zitadel's event_payload) two levels
 * deep, and drops deeper JSON. {@code payload.keep} names keys that stay. Booleans always stay, and numbers unless the
 * setting names their key. In and out: {@link JsonNode}, changed in place. If something was dropped, the variable
 * {@code delivery}, which a dead letter would store, becomes the document without it. Thread-safe.
 */
@BindToRegistry("payload-drop")
public final class PayloadDrop extends ContextBean implements Processor {

    /** The entry of the setting for the rule of {@link SecretNames}. */
    private static final String BUILT_IN = "built-in";
    /** JSON inside of JSON inside of the document. */
    private static final int DEEPEST = 2;
    /**
     * The bound of the cache of names. All providers together have some hundreds of field names; a stranger may send
     * endless others.
     */
    private static final int MOST_KNOWN = 10_000;

    private static final int LONGEST_KNOWN = 100;
    /** The starts of the base64 of "{" and "[" with the characters that may follow in JSON. */
    private static final Set<String> BASE64_OF_JSON = Set.of("ey", "ew", "W3", "Wy", "Ww");

    private static final ObjectMapper JSON = JsonBody.MAPPER;

    private final Map<String, Judgement> known = new ConcurrentHashMap<>();
    private KeyNames drop = KeyNames.of("");
    private KeyNames keep = KeyNames.of("");
    private boolean builtIn;
    private boolean on;

    private enum Judgement {
        /** The key stays, by payload.keep. */
        STAYS,
        /** The key names no secret, but the form of its value may be that of a secret. */
        HARMLESS,
        /** The key names a secret, by its words. */
        SECRET,
        /** The key names a secret, by payload.drop. Numbers are dropped, too. */
        NAMED
    }

    @Override
    public void setCamelContext(CamelContext context) {
        super.setCamelContext(context);
        keep(Setting.of(context, "payload.keep"));
        drop(Setting.of(context, "payload.drop"));
    }

    /**
     * @param list names and patterns, separated by space or comma, and {@code built-in}; if blank, nothing is dropped
     */
    public void drop(String list) {
        List<String> entries = new ArrayList<>(List.of(KeyNames.entries(list)));
        builtIn = entries.removeIf(BUILT_IN::equals);
        on = !list.isBlank();
        drop = KeyNames.of(String.join(" ", entries));
        known.clear();
    }

    /** @param list names and patterns of keys that always stay */
    public void keep(String list) {
        keep = KeyNames.of(list);
        known.clear();
    }

    /**
     * @throws InvalidUserEvent if the secrets could not be dropped; then only the size and hash of the document are
     *         stored
     */
    @Override
    public void process(Exchange exchange) {
        try {
            JsonNode document = exchange.getMessage().getBody(JsonNode.class);
            if (dropFrom(document) && exchange.getVariable(DeliveredEvents.DELIVERY) != document) {
                exchange.setVariable(DeliveredEvents.DELIVERY, JSON.writeValueAsBytes(document));
            }
        } catch (JsonProcessingException | RuntimeException | StackOverflowError e) {
            exchange.setVariable(
                    DeliveredEvents.DELIVERY, JsonBody.instead(exchange.getVariable(DeliveredEvents.DELIVERY)));
            exchange.getMessage().setBody(null);
            throw new InvalidUserEvent("the secrets in the body could not be dropped ("
                    + e.getClass().getSimpleName() + "): nothing of it is kept");
        }
    }

    /** @return whether anything was dropped */
    public boolean dropFrom(JsonNode document) {
        return on && dropFrom(document, 0);
    }

    /** Uses a loop, because a document may be nested as deep as Jackson allows. */
    private boolean dropFrom(JsonNode document, int level) {
        boolean dropped = false;
        Deque<JsonNode> open = new ArrayDeque<>();
        if (document != null && document.isContainerNode()) {
            open.push(document);
        }
        while (!open.isEmpty()) {
            JsonNode node = open.pop();
            if (node instanceof ObjectNode object) {
                for (Iterator<Map.Entry<String, JsonNode>> fields = object.fields(); fields.hasNext(); ) {
                    Map.Entry<String, JsonNode> field = fields.next();
                    JsonNode clean = without(field.getKey(), field.getValue(), level, open);
                    if (clean == null) {
                        fields.remove();
                        dropped = true;
                    } else if (clean != field.getValue()) {
                        field.setValue(clean);
                        dropped = true;
                    }
                }
            } else {
                for (int i = ((ArrayNode) node).size() - 1; i >= 0; i--) {
                    JsonNode clean = withoutSecrets(node.get(i), level, true, open);
                    if (clean == null) {
                        ((ArrayNode) node).remove(i);
                        dropped = true;
                    } else if (clean != node.get(i)) {
                        ((ArrayNode) node).set(i, clean);
                        dropped = true;
                    }
                }
            }
        }
        return dropped;
    }

    private JsonNode without(String name, JsonNode value, int level, Deque<JsonNode> open) {
        Judgement judgement = judgement(name);
        if (!value.isBoolean()
                && (judgement == Judgement.NAMED || judgement == Judgement.SECRET && !value.isNumber())) {
            return null;
        }
        return withoutSecrets(value, level, judgement != Judgement.STAYS, open);
    }

    /** @return the same value, another value, or null to drop it; a value that must be searched is pushed */
    private JsonNode withoutSecrets(JsonNode value, int level, boolean mayGo, Deque<JsonNode> open) {
        if (value.isContainerNode()) {
            open.push(value);
            return value;
        }
        String text = value.textValue();
        if (text == null || text.length() < 2) {
            return value;
        }
        if (mayGo && SecretForms.isSecret(text)) {
            return null;
        }
        String clean = withoutSecrets(text, level);
        return clean == null ? null : clean == text ? value : JsonNodeFactory.instance.textNode(clean);
    }

    private Judgement judgement(String name) {
        Judgement judgement = known.get(name);
        if (judgement == null) {
            judgement = keep.hold(name)
                    ? Judgement.STAYS
                    : drop.hold(name)
                            ? Judgement.NAMED
                            : builtIn && SecretNames.isSecret(name) ? Judgement.SECRET : Judgement.HARMLESS;
            if (name.length() <= LONGEST_KNOWN && known.size() < MOST_KNOWN) {
                known.put(name, judgement);
            }
        }
        return judgement;
    }

    /** The text without the secrets in its JSON; null if its JSON is too deep to search. */
    private String withoutSecrets(String text, int level) {
        if (opens(text.stripLeading())) {
            return redacted(text, level);
        }
        if (BASE64_OF_JSON.contains(text.substring(0, 2))) {
            boolean url = text.indexOf('-') >= 0 || text.indexOf('_') >= 0;
            try {
                String json = new String(
                        (url ? Base64.getUrlDecoder() : Base64.getDecoder()).decode(text), StandardCharsets.UTF_8);
                String clean = redacted(json, level);
                return clean == null
                        ? null
                        : clean == json
                                ? text
                                : (url ? Base64.getUrlEncoder() : Base64.getEncoder())
                                        .encodeToString(clean.getBytes(StandardCharsets.UTF_8));
            } catch (IllegalArgumentException e) {
                return text;
            }
        }
        return text;
    }

    /** Whether the text starts an object or array, or one that was written as text twice. */
    private static boolean opens(String text) {
        return !text.isEmpty()
                && (text.charAt(0) == '{' || text.charAt(0) == '[' || text.startsWith("\"{") || text.startsWith("\"["));
    }

    private String redacted(String json, int level) {
        try {
            ArrayNode holder = JSON.createArrayNode().add(JSON.readTree(json));
            if (level == DEEPEST) {
                return null;
            }
            return !dropFrom(holder, level + 1)
                    ? json
                    : holder.isEmpty() ? null : JSON.writeValueAsString(holder.get(0));
        } catch (StreamConstraintsException e) {
            return null; // unreadable JSON, which cannot be searched
        } catch (JsonProcessingException e) {
            return json; // not JSON
        }
    }
}
