package dev.userssync.scim;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.unboundid.scim2.common.Path;
import com.unboundid.scim2.common.types.AttributeDefinition;
import com.unboundid.scim2.common.types.AttributeDefinition.Type;
import com.unboundid.scim2.common.types.EnterpriseUserExtension;
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
 * The attributes of a User (RFC 7643 §4.1) and of the enterprise extension, by the schema of the SDK. Thread-safe.
 */
final class UserSchema {

    /** Every stored document names it, which marks the rows of SCIM among those of other providers. */
    static final String SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User";

    static final String ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

    static final Map<String, AttributeDefinition> ATTRIBUTES =
            attributes(UserResource.class, SchemaUtils.COMMON_ATTRIBUTE_DEFINITIONS);
    static final Map<String, AttributeDefinition> ENTERPRISE_ATTRIBUTES =
            attributes(EnterpriseUserExtension.class, List.of());
    private static final Pattern ENTERPRISE_NAMES = Pattern.compile(
            "\\b(?:" + String.join("|", ENTERPRISE_ATTRIBUTES.keySet()) + ")\\b", Pattern.CASE_INSENSITIVE);

    private UserSchema() {}

    private static Map<String, AttributeDefinition> attributes(
            Class<?> schema, Collection<AttributeDefinition> common) {
        Collection<AttributeDefinition> all = new ArrayList<>(common);
        try {
            all.addAll(SchemaUtils.getAttributes(schema));
        } catch (IntrospectionException e) {
            throw new IllegalStateException(e);
        }
        Map<String, AttributeDefinition> byName = new LinkedHashMap<>();
        all.forEach(attribute -> byName.put(UserDocument.lower(attribute.getName()), attribute));
        return byName;
    }

    /**
     * The definition of an attribute or, for a path of two names, of a sub-attribute; null if the schema does not know
     * it.
     */
    static AttributeDefinition attribute(Path path) {
        boolean isCore = path.getSchemaUrn() == null || path.getSchemaUrn().equalsIgnoreCase(SCHEMA);
        if (path.size() == 0 || !isCore && !isEnterprise(path)) {
            return null;
        }
        Iterator<Path.Element> names = path.iterator();
        AttributeDefinition found = (isCore ? ATTRIBUTES : ENTERPRISE_ATTRIBUTES)
                .get(UserDocument.lower(names.next().getAttribute()));
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

    static boolean isEnterprise(Path path) {
        return ENTERPRISE.equalsIgnoreCase(path.getSchemaUrn());
    }

    /** As {@link #attribute}; an attribute of the enterprise extension may lack the name of the extension. */
    static AttributeDefinition meant(Path path) {
        AttributeDefinition core = attribute(path);
        return core != null || path.getSchemaUrn() != null
                ? core
                : attribute(Path.root(ENTERPRISE).attribute(path));
    }

    static boolean namesEnterprise(String filter) {
        return ENTERPRISE_NAMES.matcher(filter).find();
    }

    /** The user with the attributes of the enterprise extension beside the others, unless a name is taken. */
    static ObjectNode withEnterprise(ObjectNode user) {
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
    static String textPart(AttributeDefinition attribute) {
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
