package dev.userssync.routes;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.function.Predicate;
import org.apache.camel.CamelContext;
import org.apache.camel.Component;
import org.apache.camel.RouteConfigurationsBuilder;
import org.apache.camel.RoutesBuilder;
import org.apache.camel.StartupSummaryLevel;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.impl.engine.DefaultExecutorServiceManager;
import org.apache.camel.model.Model;
import org.apache.camel.model.RouteDefinition;
import org.apache.camel.spi.ClassResolver;
import org.apache.camel.spi.CliConnectorFactory;
import org.apache.camel.spi.ComponentResolver;
import org.apache.camel.spi.LoadablePropertiesSource;
import org.apache.camel.spi.Resource;
import org.apache.camel.spi.ThreadPoolProfile;
import org.apache.camel.support.PluginHelper;
import org.apache.camel.support.PropertyBindingSupport;

/**
 * Builds the routes of a folder aside, in a context of their own, with the settings and the beans of the running one.
 * Nothing starts: no port is opened, no timer runs. Own code, because Camel's reload removes the routes that run before
 * it reads the new ones.
 */
final class Trial {

    private final CamelContext live;
    private Model model;
    private final List<String> troubles = new ArrayList<>();

    private Trial(CamelContext live) {
        this.live = live;
    }

    /** What keeps the routes from being built, one line each with the file and, if it is known, the line. */
    static List<String> troubles(CamelContext live, RouteFiles files) throws Exception {
        return new Trial(live).run(files);
    }

    private List<String> run(RouteFiles files) throws Exception {
        try (DefaultCamelContext trial = new DefaultCamelContext(new LiveBeans(live))) {
            trial.disableJMX();
            trial.setAutoStartup(false);
            trial.setStartupSummaryLevel(StartupSummaryLevel.Off);
            CliConnectorFactory cli = trial.getCamelContextExtension().getContextPlugin(CliConnectorFactory.class);
            if (cli != null) {
                cli.setEnabled(false); // the Camel CLI would end with the context
            }
            trial.setApplicationContextClassLoader(live.getApplicationContextClassLoader());
            trial.getCamelContextExtension().addContextPlugin(ClassResolver.class, live.getClassResolver());
            trial.getCamelContextExtension()
                    .addContextPlugin(
                            ComponentResolver.class,
                            (name, context) -> configured(
                                    name,
                                    PluginHelper.getComponentResolver(live).resolveComponent(name, context)));
            trial.setExecutorServiceManager(new DefaultExecutorServiceManager(trial) {
                @Override
                public ThreadPoolProfile getThreadPoolProfile(String id) {
                    return live.getExecutorServiceManager().getThreadPoolProfile(id);
                }
            });
            trial.getPropertiesComponent().addPropertiesSource(new LiveSettings());
            model = trial.getCamelContextExtension().getContextPlugin(Model.class);
            RouteNames names = new RouteNames(trial);
            load(trial, files);
            if (troubles.isEmpty()) {
                build(trial, names);
            }
            return troubles;
        }
    }

    private void load(DefaultCamelContext trial, RouteFiles files) {
        List<Resource> resources = files.resources();
        Map<Resource, RoutesBuilder> builders = new HashMap<>();
        for (Resource file : resources) {
            guarded(file, () -> {
                for (RoutesBuilder builder : PluginHelper.getRoutesLoader(trial).findRoutesBuilders(List.of(file))) {
                    builders.put(file, builder);
                    // Camel takes the configurations of routes first.
                    if (builder instanceof RouteConfigurationsBuilder configurations) {
                        configurations.addRouteConfigurationsToCamelContext(trial);
                    }
                }
            });
        }
        Map<String, Resource> ids = new HashMap<>();
        for (Resource file : resources) {
            guarded(file, () -> {
                if (builders.containsKey(file)) {
                    builders.get(file).addRoutesToCamelContext(trial);
                    for (RouteDefinition route : ((RouteBuilder) builders.get(file))
                            .getRouteCollection()
                            .getRoutes()) {
                        Resource other = ids.putIfAbsent(route.getRouteId(), file);
                        if (other != null) {
                            troubles.add(Place.of(
                                            file.getLocation(), route.getInput().getLineNumber())
                                    + "the id " + route.getRouteId() + " is also that of a route in "
                                    + Place.of(other.getLocation(), 0) + "give it another id");
                        }
                    }
                }
            });
        }
    }

    private void build(DefaultCamelContext trial, RouteNames names) {
        guarded(null, () -> {
            names.checkKamelets();
            trial.init();
            names.check();
        });
    }

    private interface Step {
        void run() throws Exception;
    }

    private void guarded(Resource file, Step step) {
        try {
            step.run();
        } catch (Exception e) {
            troubles.add(Place.describe(e, file, model));
        }
    }

    private Component configured(String name, Component component) {
        Map<String, Object> settings = new HashMap<>();
        String prefix = "camel.component." + name + ".";
        live.getPropertiesComponent()
                .loadProperties(setting -> setting.startsWith(prefix))
                .forEach((setting, value) -> settings.put(setting.toString().substring(prefix.length()), value));
        if (component != null && !settings.isEmpty()) {
            PropertyBindingSupport.build()
                    .withConfigurer(component.getComponentPropertyConfigurer())
                    .withIgnoreCase(true)
                    .withMandatory(false)
                    .bind(live, component, settings);
        }
        return component;
    }

    private final class LiveSettings implements LoadablePropertiesSource {

        @Override
        public String getName() {
            return "running";
        }

        @Override
        public String getProperty(String name) {
            return live.getPropertiesComponent().resolveProperty(name).orElse(null);
        }

        @Override
        public Properties loadProperties() {
            return live.getPropertiesComponent().loadProperties();
        }

        @Override
        public Properties loadProperties(Predicate<String> filter) {
            return live.getPropertiesComponent().loadProperties(filter);
        }

        @Override
        public void reloadProperties(String location) {
            // they are read each time
        }
    }
}
