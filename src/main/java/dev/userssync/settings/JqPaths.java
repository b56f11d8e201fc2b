// Only `camel run` reads this line.
//DEPS org.apache.camel:camel-jq:4.17.0
package dev.userssync.settings;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import net.thisptr.jackson.jq.JsonQuery;
import net.thisptr.jackson.jq.Scope;
import net.thisptr.jackson.jq.Versions;
import net.thisptr.jackson.jq.exception.JsonQueryException;
import org.apache.camel.CamelContext;
import org.apache.camel.language.jq.JqFunctions;
import org.apache.camel.language.jq.JqLanguage;

/**
 * Checks the syntax and the functions of every jq setting {@code *.path}, such as {@code generic.time.path}. jackson-jq
 * looks up a function only when it is called, so a typo would fail deliveries instead of the start. Its syntax tree is
 * not public: own code reads the tree's fields, whatever their types. Stateless.
 */
public final class JqPaths {

    private static final String LIBRARY = "net.thisptr.jackson.jq.";
    private static final String CALL = LIBRARY + "internal.tree.FunctionCall";
    private static final String DEFINITION = LIBRARY + "internal.tree.FunctionDefinition";

    private JqPaths() {}

    /** @throws StartupFailure if a setting can never work; the message names it, and the function or the place */
    public static void check(CamelContext context) {
        Set<String> names = new TreeSet<>(context.getPropertiesComponent()
                .loadProperties(key -> key.endsWith(".path") && !key.startsWith("camel."))
                .stringPropertyNames());
        if (names.isEmpty()) {
            return;
        }
        Scope scope = Scope.newChildScope(((JqLanguage) context.resolveLanguage("jq")).getRootScope());
        JqFunctions.loadLocal(scope);
        for (String name : names) {
            String unknown = unknownFunction(name, Setting.of(context, name), scope);
            if (unknown != null) {
                throw new StartupFailure(Setting.variable(name) + " uses " + unknown
                        + ", which is not a function of jq 1.6 in users-sync; it is " + Setting.of(context, name));
            }
        }
    }

    /** {@code <name>/<number of arguments>}, or null. */
    private static String unknownFunction(String name, String path, Scope scope) {
        if (path.isEmpty()) {
            throw new StartupFailure(Setting.variable(name) + " is empty; set a jq path, or null for none");
        }
        List<Object> tree = new ArrayList<>();
        try {
            collect(JsonQuery.compile(path, Versions.JQ_1_6), tree, new HashSet<>());
        } catch (JsonQueryException e) {
            throw new StartupFailure(Setting.variable(name) + " is not valid jq: "
                    + String.valueOf(e.getMessage()).lines().findFirst().orElse("") + "; it is " + path);
        }
        Set<String> own = new HashSet<>();
        for (Object node : tree) {
            if (node.getClass().getName().equals(DEFINITION)) {
                own.add(field(node, "fname").toString());
                ((Collection<?>) field(node, "args")).forEach(argument -> own.add(argument.toString()));
            }
        }
        for (Object node : tree) {
            if (node.getClass().getName().equals(CALL)) {
                String function = field(node, "name").toString();
                int arguments = ((Collection<?>) field(node, "args")).size();
                if (!own.contains(function) && scope.getFunction(function, arguments) == null) {
                    return function + "/" + arguments;
                }
            }
        }
        return null;
    }

    /** Adds the node and all nodes below it. */
    private static void collect(Object node, List<Object> tree, Set<Object> seen) {
        if (node instanceof Collection<?> nodes) {
            nodes.forEach(each -> collect(each, tree, seen));
        } else if (node != null
                && node.getClass().getName().startsWith(LIBRARY)
                && !(node instanceof Enum<?>)
                && seen.add(node)) {
            tree.add(node);
            for (Class<?> type = node.getClass(); type != Object.class; type = type.getSuperclass()) {
                for (Field field : type.getDeclaredFields()) {
                    if (!Modifier.isStatic(field.getModifiers())
                            && !field.getType().isPrimitive()) {
                        collect(field(node, field), tree, seen);
                    }
                }
            }
        }
    }

    private static Object field(Object node, String name) {
        try {
            return field(node, node.getClass().getDeclaredField(name));
        } catch (NoSuchFieldException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Object field(Object node, Field field) {
        try {
            field.setAccessible(true);
            return field.get(node);
        } catch (IllegalAccessException e) {
            throw new IllegalStateException(e);
        }
    }
}
