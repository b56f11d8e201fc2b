package dev.userssync.routes;

import dev.userssync.settings.NearName;
import dev.userssync.settings.StartupFailure;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.camel.CamelContext;
import org.apache.camel.NamedNode;
import org.apache.camel.component.kamelet.KameletComponent;
import org.apache.camel.model.Model;
import org.apache.camel.model.ModelLifecycleStrategySupport;
import org.apache.camel.model.ProcessorDefinitionHelper;
import org.apache.camel.model.RouteDefinition;
import org.apache.camel.model.RouteTemplateDefinition;
import org.apache.camel.model.RouteTemplateParameterDefinition;
import org.apache.camel.model.ToDefinition;
import org.apache.camel.model.ToDynamicDefinition;
import org.apache.camel.spi.PropertiesComponent;
import org.apache.camel.support.LifecycleStrategySupport;
import org.apache.camel.support.RouteTemplateHelper;
import org.apache.camel.util.OrderedLocationProperties;
import org.apache.camel.util.StringHelper;
import org.apache.camel.util.URISupport;

/**
 * Checks the names that Camel itself does not: the parameters of kamelets, and the targets of {@code direct:} and
 * {@code seda:}. Camel ignores an unknown parameter. It lets an exchange wait 30 s for a missing {@code direct:}, and for
 * ever for a missing {@code seda:}. For one thread.
 */
public final class RouteNames extends ModelLifecycleStrategySupport {

    private static final String KAMELET = "kamelet";
    /** Where a kamelet continues in the route that uses it. */
    private static final Set<String> ENDS = Set.of("source", "sink");

    /** The schemes whose consumer is a route of the same application. */
    private static final List<String> INTERNAL = List.of("direct", "seda");

    private final CamelContext context;
    private final Model model;
    private final List<RouteDefinition> declared = new ArrayList<>();
    private final Set<String> consumers = new TreeSet<>();
    private final Set<String> troubles = new TreeSet<>();

    RouteNames(CamelContext context) {
        this.context = context;
        this.model = context.getCamelContextExtension().getContextPlugin(Model.class);
        model.addModelLifecycleStrategy(this);
    }

    /** Call it before the routes are loaded. */
    public static RouteNames watch(CamelContext context) {
        RouteNames names = new RouteNames(context);
        context.addLifecycleStrategy(names.new BeforeKamelets());
        return names;
    }

    /** Also a route that is off: another may send to it behind a condition. */
    @Override
    public void onAddRouteDefinition(RouteDefinition route) {
        declared.add(route);
    }

    /**
     * Before Camel makes the routes of kamelets: it would name only the required parameter that a misspelled one was
     * meant to be.
     */
    private final class BeforeKamelets extends LifecycleStrategySupport {
        @Override
        public void onContextInitialized(CamelContext initialized) {
            checkKamelets();
        }
    }

    void checkKamelets() {
        model.getRouteDefinitions()
                .forEach(route -> addresses(route).forEach((step, uri) -> checkKamelet(route, step, uri)));
        failIfAny();
    }

    /**
     * Call it when all routes are loaded.
     *
     * @throws StartupFailure if a name is wrong; the message names each with its route, file and line
     */
    public void check() {
        model.getModelLifecycleStrategies().remove(this);
        declared.forEach(
                route -> consumers.add(name(resolved(route, route.getInput().getEndpointUri()))));
        for (RouteDefinition route : model.getRouteDefinitions()) {
            addresses(route).forEach((step, uri) -> {
                checkKamelet(route, step, uri);
                checkTarget(route, step, uri);
            });
        }
        failIfAny();
    }

    private void failIfAny() {
        if (!troubles.isEmpty()) {
            throw new StartupFailure(String.join("; ", troubles));
        }
    }

    /** The address of each step that has one. */
    private static Map<NamedNode, String> addresses(RouteDefinition route) {
        Map<NamedNode, String> addresses = new LinkedHashMap<>();
        addresses.put(route.getInput(), route.getInput().getEndpointUri());
        ProcessorDefinitionHelper.filterTypeInOutputs(route.getOutputs(), ToDefinition.class)
                .forEach(to -> addresses.put(to, to.getEndpointUri()));
        ProcessorDefinitionHelper.filterTypeInOutputs(route.getOutputs(), ToDynamicDefinition.class)
                .forEach(to -> addresses.put(to, to.getUri()));
        addresses.values().removeIf(Objects::isNull); // an endpoint that Java has made
        return addresses;
    }

    private void checkTarget(RouteDefinition route, NamedNode step, String uri) {
        String target = name(resolved(route, uri));
        if (INTERNAL.contains(StringHelper.before(target, ":", ""))
                && !target.endsWith(":")
                && !isDynamic(target)
                && !consumers.contains(target)) {
            trouble(
                    route,
                    step,
                    "sends to " + target + ", but no route starts with it"
                            + NearName.of(target, consumers)
                                    .map(near -> ": did you mean " + near + "?")
                                    .orElse(""));
        }
    }

    private void checkKamelet(RouteDefinition route, NamedNode step, String uri) {
        String target = name(resolved(route, uri));
        String kamelet = StringHelper.before(target, "/", target).replace(KAMELET + ":", "");
        if (!target.startsWith(KAMELET + ":") || ENDS.contains(kamelet) || isDynamic(kamelet)) {
            return;
        }
        RouteTemplateDefinition template = template(kamelet);
        if (template == null || !uri.contains("?")) {
            return; // Camel reports a kamelet that does not exist
        }
        List<String> known = template.getTemplateParameters() == null
                ? List.of()
                : template.getTemplateParameters().stream()
                        .map(RouteTemplateParameterDefinition::getName)
                        .toList();
        Set<String> ofCamel = context.getCamelContextExtension()
                .getEndpointUriFactory(KAMELET)
                .propertyNames();
        for (String parameter : parameters(uri)) {
            if (!known.contains(parameter)
                    && !known.contains(StringHelper.dashToCamelCase(parameter))
                    && !known.contains(StringHelper.camelCaseToDash(parameter))
                    && !ofCamel.contains(parameter)) {
                trouble(
                        route,
                        step,
                        "sets " + parameter + " of the kamelet " + kamelet + ", which has no such parameter"
                                + NearName.of(parameter, known)
                                        .map(near -> ": did you mean " + near + "?")
                                        .orElse("")
                                + " It has " + String.join(", ", known));
            }
        }
    }

    private RouteTemplateDefinition template(String kamelet) {
        if (model.getRouteTemplateDefinition(kamelet) == null) {
            KameletComponent kamelets = context.getComponent(KAMELET, KameletComponent.class);
            try {
                RouteTemplateHelper.loadRouteTemplateFromLocation(
                        context, kamelets.getRouteTemplateLoaderListener(), kamelet, kamelets.getLocation());
            } catch (Exception e) {
                return null; // Camel reports a kamelet that cannot be read
            }
        }
        return model.getRouteTemplateDefinition(kamelet);
    }

    private void trouble(RouteDefinition route, NamedNode step, String text) {
        troubles.add(Place.of(step.getLocation(), step.getLineNumber()) + "the route " + nameOf(route) + " " + text);
    }

    /** A route that a kamelet has made is named after the kamelet: Camel numbers its id. */
    private static String nameOf(RouteDefinition route) {
        return route.isTemplate() == null || !route.isTemplate()
                ? route.getRouteId()
                : "of the kamelet " + route.getTemplateParameters().get("templateId");
    }

    private static Set<String> parameters(String uri) {
        try {
            return URISupport.parseQuery(StringHelper.after(uri, "?"), true, true)
                    .keySet();
        } catch (java.net.URISyntaxException e) {
            return Set.of(); // Camel refuses such an endpoint
        }
    }

    /** The address without placeholders, those of a kamelet's parameters included. */
    private String resolved(RouteDefinition route, String uri) {
        PropertiesComponent properties = context.getPropertiesComponent();
        Map<String, Object> parameters = route.getTemplateParameters();
        if (parameters != null) {
            OrderedLocationProperties local = new OrderedLocationProperties();
            local.putAll(
                    "parameters",
                    parameters.entrySet().stream()
                            .filter(parameter -> parameter.getValue() != null)
                            .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue)));
            properties.setLocalProperties(local);
        }
        try {
            return context.resolvePropertyPlaceholders(StringHelper.before(uri, "?", uri));
        } catch (IllegalArgumentException e) {
            return uri; // a setting of a route that is off; Camel reports those of a route that is on
        } finally {
            properties.setLocalProperties(null);
        }
    }

    /** The scheme and the name of an address. */
    private static String name(String uri) {
        return StringHelper.before(uri, "?", uri).replace("://", ":");
    }

    private static boolean isDynamic(String name) {
        return name.contains("${");
    }
}
