package dev.userssync.resource;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.unboundid.scim2.common.Path;
import com.unboundid.scim2.common.types.AttributeDefinition;
import com.unboundid.scim2.common.types.AttributeDefinition.Type;
import com.unboundid.scim2.common.types.EnterpriseUserExtension;
import com.unboundid.scim2.common.types.GroupResource;
import com.unboundid.scim2.common.types.UserResource;
import com.unboundid.scim2.common.utils.SchemaUtils;
import java.beans.IntrospectionException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The types of resources and their attributes, by the schemas of the SDK: User (RFC 7643 §4.1) with the enterprise
 * extension, and Group (§4.2). Immutable.
 */
public enum Schema {
    USER("User", UserResource.class, "userName", "groups"),
    GROUP("Group", GroupResource.class, "displayName", "members");

    public static final String ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

    private static final Map<String, AttributeDefinition> ENTERPRISE_ATTRIBUTES =
            attributes(EnterpriseUserExtension.class, List.of());
    private static final Pattern ENTERPRISE_NAMES = Pattern.compile(
            "\\b(?:" + String.join("|", ENTERPRISE_ATTRIBUTES.keySet()) + ")\\b", Pattern.CASE_INSENSITIVE);

    /** The name of the type, such as "User". */
    public final String type;
    /** Every stored document names it, which marks the rows of SCIM among those of other providers. */
    public final String urn;
    /** The SDK's class with the schema. */
    public final Class<?> described;
    /** The path of the resources. */
    public final String endpoint;
    /** The attribute that a resource must have. */
    public final String required;
    /** The attribute that neighbour resources make: a user's groups, and a group's members. No document holds it. */
    public final String links;

    private final Map<String, AttributeDefinition> attributes;

    Schema(String type, Class<?> described, String required, String links) {
        this.type = type;
        this.urn = "urn:ietf:params:scim:schemas:core:2.0:" + type;
        this.described = described;
        this.endpoint = "/" + type + "s";
        this.required = required;
        this.links = links;
        this.attributes = attributes(described, SchemaUtils.COMMON_ATTRIBUTE_DEFINITIONS);
    }

    private static Map<String, AttributeDefinition> attributes(
            Class<?> schema, Collection<AttributeDefinition> common) {
        Collection<AttributeDefinition> all = new ArrayList<>(common);
        try {
            all.addAll(SchemaUtils.getAttributes(schema));
        } catch (IntrospectionException e) {
            throw new IllegalStateException(e);
        }
        Map<String, AttributeDefinition> byName = new LinkedHashMap<>();
        all.forEach(attribute -> byName.put(Document.lower(attribute.getName()), attribute));
        return byName;
    }

    Collection<AttributeDefinition> attributes() {
        return attributes.values();
    }

    Collection<AttributeDefinition> extensionAttributes() {
        return this == USER ? ENTERPRISE_ATTRIBUTES.values() : List.of();
    }

    /**
     * The definition of an attribute or, for a path of two names, of a sub-attribute; null if the schema does not know
     * it.
     */
    public AttributeDefinition attribute(Path path) {
        boolean isCore = path.getSchemaUrn() == null || path.getSchemaUrn().equalsIgnoreCase(urn);
        if (path.size() == 0 || !isCore && !isEnterprise(path)) {
            return null;
        }
        Iterator<Path.Element> names = path.iterator();
        AttributeDefinition found = (isCore ? attributes : ENTERPRISE_ATTRIBUTES)
                .get(Document.lower(names.next().getAttribute()));
        while (names.hasNext() && found != null) {
            String name = names.next().getAttribute();
            found = found.getSubAttributes() == null
                    ? null
                    : found.getSubAttributes().stream()
                            .filter(sub -> sub.getName().equalsIgnoreCase(name))
                            .findFirst()
                            .orElse(null);
        }
        return found;
    }

    boolean isEnterprise(Path path) {
        return this == USER && ENTERPRISE.equalsIgnoreCase(path.getSchemaUrn());
    }

    /** As {@link #attribute}; an attribute of the enterprise extension may lack the name of the extension. */
    public AttributeDefinition meant(Path path) {
        AttributeDefinition core = attribute(path);
        return core != null || path.getSchemaUrn() != null
                ? core
                : attribute(Path.root(ENTERPRISE).attribute(path));
    }

    public boolean namesEnterprise(String filter) {
        return this == USER && ENTERPRISE_NAMES.matcher(filter).find();
    }

    /** The user with the attributes of the enterprise extension beside the others, unless a name is taken. */
    public static ObjectNode withEnterprise(ObjectNode user) {
        ObjectNode all = Json.object();
        if (user.path(ENTERPRISE) instanceof ObjectNode extension) {
            all.setAll(extension);
        }
        all.setAll(user);
        return all;
    }

    /** Whether the values of an attribute are complex, with {@code value} as their main part. */
    static boolean hasValue(AttributeDefinition attribute) {
        return "value".equals(textPart(attribute));
    }

    /** The part that a plain text sets: {@code value}, else {@code formatted}; null if there is none. */
    public static String textPart(AttributeDefinition attribute) {
        if (attribute == null || attribute.getType() != Type.COMPLEX) {
            return null;
        }
        return Stream.of("value", "formatted")
                .filter(name -> attribute.getSubAttributes().stream()
                        .anyMatch(sub -> sub.getName().equals(name)))
                .findFirst()
                .orElse(null);
    }
}
