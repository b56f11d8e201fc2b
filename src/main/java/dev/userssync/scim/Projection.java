package dev.userssync.scim;

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
final class Projection {

    private static final Set<String> ALWAYS = Set.of("schemas", "id");

    private final Set<String> wanted = new HashSet<>();
    private final List<Path> unwanted = new ArrayList<>();

    /** @throws BadRequestException invalidPath if a name cannot be read */
    Projection(Map<String, String> parameters) throws BadRequestException {
        for (Path path : paths(parameters.get("attributes"))) {
            wanted.add(name(path));
        }
        for (Path path : paths(parameters.get("excludedAttributes"))) {
            if (!ALWAYS.contains(name(path))) {
                unwanted.add(path);
            }
        }
    }

    private static List<Path> paths(String names) throws BadRequestException {
        List<Path> paths = new ArrayList<>();
        for (String name : names == null || names.isBlank() ? new String[0] : names.split(",")) {
            try {
                paths.add(Path.fromString(name.strip().replaceFirst("(?i)^" + UserSchema.SCHEMA + ":", "")));
            } catch (RuntimeException e) { // the parser throws it for some wrong texts
                throw BadRequestException.invalidPath("a name of an attribute cannot be read");
            }
        }
        return paths;
    }

    private static String name(Path path) {
        return UserDocument.lower(path.toString());
    }

    /** Removes the attributes that are not selected. */
    ObjectNode of(ObjectNode resource) throws ScimException {
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
            String name = prefix + UserDocument.lower(attribute.getKey());
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
