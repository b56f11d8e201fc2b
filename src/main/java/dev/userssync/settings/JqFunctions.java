package dev.userssync.settings;

import com.fasterxml.jackson.databind.node.NullNode;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import net.thisptr.jackson.jq.Scope;
import net.thisptr.jackson.jq.Versions;
import net.thisptr.jackson.jq.exception.JsonQueryException;
import net.thisptr.jackson.jq.internal.javacc.ExpressionParser;
import org.apache.camel.CamelContext;
import org.apache.camel.language.jq.JqLanguage;
import org.apache.camel.support.FileWatcherResourceReloadStrategy;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Adds the functions of {@code routes/jq/functions.jq} to every jq expression, and again when you save the file in the
 * profile dev. They go into the scope of camel-jq: our own scope in the registry would have to load jq's functions and
 * Camel's itself. Stateless.
 */
public final class JqFunctions {

    private static final Logger LOG = LoggerFactory.getLogger("users-sync");
    private static final String FOLDER = "jq";
    private static final String FILE = "functions.jq";

    private JqFunctions() {}

    /** @throws StartupFailure if the file is missing or is not valid jq; the message names the place */
    public static void load(CamelContext context) {
        boolean live = Boolean.parseBoolean(Setting.of(context, "camel.main.routesReloadEnabled"));
        Path folder = Path.of(live ? Setting.of(context, "camel.main.routesReloadDirectory") : "routes", FOLDER);
        Scope scope = ((JqLanguage) context.resolveLanguage("jq")).getRootScope();
        define(scope, folder.resolve(FILE));
        if (live) {
            watch(context, scope, folder);
        }
    }

    private static void define(Scope scope, Path file) {
        try {
            // JsonQuery would evaluate in a scope that it discards.
            Scope own = Scope.newChildScope(scope);
            ExpressionParser.compile(Files.readString(file) + "\nnull", Versions.JQ_1_7)
                    .apply(own, NullNode.getInstance(), output -> {});
            own.getLocalFunctions().forEach(scope::addFunction);
        } catch (JsonQueryException e) {
            throw new StartupFailure(file + " is not valid jq: "
                    + String.valueOf(e.getMessage()).lines().findFirst().orElse(""));
        } catch (IOException e) {
            throw new StartupFailure(file + " cannot be read: start users-sync in the folder that holds routes/");
        }
    }

    private static void watch(CamelContext context, Scope scope, Path folder) {
        FileWatcherResourceReloadStrategy watcher = new FileWatcherResourceReloadStrategy(folder.toString());
        watcher.setFileFilter((File file) -> file.getName().equals(FILE));
        watcher.setResourceReload((name, resource) -> {
            try {
                define(scope, folder.resolve(FILE));
                LOG.info("reloaded {}", folder.resolve(FILE));
            } catch (StartupFailure e) {
                LOG.warn("{}; keeping the loaded functions", e.getMessage());
            }
        });
        try {
            context.addService(watcher);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }
}
