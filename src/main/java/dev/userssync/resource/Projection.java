package dev.userssync.resource;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.unboundid.scim2.common.Path;
import com.unboundid.scim2.common.exceptions.BadRequestException;
import com.unboundid.scim2.common.exceptions.ScimException;
import com.unboundid.scim2.common.utils.JsonUtils;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Selects attributes for a client, by the parameters {@code attributes} and {@code excludedAttributes} (RFC 7644 §3.9).
 * {@code schemas} and {@code id} always stay. Immutable.
 */
public final class Projection {

    private static final Set<String> ALWAYS = Set.of("schemas", "id");

    private final Set<String> wanted = new HashSet<>();
    private final List<Path> unwanted = new ArrayList<>();

    /** @throws BadRequestException invalidPath if a name cannot be read */
    public Projection(Schema schema, Map<String, String> parameters) throws BadRequestException {
        for (Path path : paths(schema, parameters.get("attributes"))) {
            wanted.add(name(path));
        }
        for (Path path : paths(schema, parameters.get("excludedAttributes"))) {
            if (!ALWAYS.contains(name(path))) {
                unwanted.add(path);
            }
        }
    }

    private static List<Path> paths(Schema schema, String names) throws BadRequestException {
        List<Path> paths = new ArrayList<>();
        for (String name : names == null || names.isBlank() ? new String[0] : names.split(",")) {
            try {
                paths.add(Path.fromString(name.strip().replaceFirst("(?i)^" + schema.urn + ":", "")));
            } catch (RuntimeException e) { // the parser throws it for some wrong texts
                throw BadRequestException.invalidPath("a name of an attribute cannot be read");
            }
        }
        return paths;
    }

    private static String name(Path path) {
        return Document.lower(path.toString());
    }

    /** Whether an attribute is selected, at least in part. */
    public boolean selects(String attribute) {
        return (wanted.isEmpty()
                        || wanted.stream().anyMatch(name -> (name + ".").startsWith(Document.lower(attribute) + ".")))
                && unwanted.stream().noneMatch(path -> name(path).equalsIgnoreCase(attribute));
    }

    /** Removes the attributes that are not selected. */
    public ObjectNode of(ObjectNode resource) throws ScimException {
        if (!wanted.isEmpty()) {
            keep(resource, "", ALWAYS);
        }
        for (Path path : unwanted) {
            JsonUtils.removeValues(path, resource);
        }
        return resource;
    }

    private void keep(ObjectNode object, String prefix, Set<String> always) {
        for (Map.Entry<String, JsonNode> attribute : List.copyOf(object.properties())) {
            String name = prefix + Document.lower(attribute.getKey());
            String separator = name.contains(":") ? ":" : "."; // urn:...:User:department, name.familyName
            if (always.contains(name) || wanted.contains(name)) {
                continue;
            }
            if (wanted.stream().noneMatch(path -> path.startsWith(name + separator))) {
                object.remove(attribute.getKey());
            } else if (attribute.getValue() instanceof ObjectNode part) {
                keep(part, name + separator, Set.of());
            } else {
                attribute.getValue().forEach(value -> keep((ObjectNode) value, name + separator, Set.of()));
            }
        }
    }
}
