package dev.userssync.routes;

import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.camel.CamelContext;
import org.apache.camel.component.direct.DirectComponent;
import org.apache.camel.model.Model;
import org.apache.camel.support.PluginHelper;
import org.apache.camel.support.RouteWatcherReloadStrategy;
import org.apache.camel.support.service.ServiceSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Profile dev: takes an edited folder of routes as a whole, and only if all of it can be built. Until then the routes
 * that run stay. Own code, because Camel's {@link RouteWatcherReloadStrategy} first stops all routes, and none of them
 * returns if one file is wrong. It looks at the times of the files: a watcher of the operating system misses new folders,
 * and edits from outside a container.
 */
public final class LiveReload extends ServiceSupport {

    private static final Logger LOG = LoggerFactory.getLogger("users-sync");
    private static final long MILLIS = 500;

    private final CamelContext context;
    private final Path folder;
    private ScheduledExecutorService watcher;
    /** The folder at the last look. A folder that changed since is still being saved. */
    private Map<Path, FileTime> seen;
    /** The folder that was last taken or refused. */
    private Map<Path, FileTime> tried;
    /** What runs. */
    private RouteFiles running;

    private LiveReload(CamelContext context, Path folder) {
        this.context = context;
        this.folder = folder;
    }

    /** Takes the place of Camel's own reload, if that is on. */
    public static void replaceCamels(CamelContext context) throws Exception {
        RouteWatcherReloadStrategy camels = context.hasService(RouteWatcherReloadStrategy.class);
        if (camels != null) {
            context.addService(new LiveReload(context, Path.of(camels.getFolder())));
            camels.setFolder(null); // Camel starts it all the same: it watches nothing
        }
    }

    @Override
    protected void doStart() throws Exception {
        seen = RouteFiles.times(folder);
        tried = seen;
        running = RouteFiles.read(seen.keySet());
        watcher = context.getExecutorServiceManager().newSingleThreadScheduledExecutor(this, "live-reload");
        watcher.scheduleWithFixedDelay(this::look, MILLIS, MILLIS, TimeUnit.MILLISECONDS);
    }

    @Override
    protected void doStop() {
        context.getExecutorServiceManager().shutdown(watcher);
    }

    private void look() {
        try {
            Map<Path, FileTime> now = RouteFiles.times(folder);
            boolean rests = now.equals(seen);
            seen = now;
            if (rests && !now.equals(tried)) {
                tried = now;
                RouteFiles files = RouteFiles.read(now.keySet());
                if (files.equals(running)) {
                    LOG.info("the routes in {} are those that run", folder);
                } else {
                    take(files);
                }
            }
        } catch (Exception e) {
            LOG.error("the routes in {} cannot be taken; save again, or restart: {}", folder, e.toString());
        }
    }

    private void take(RouteFiles files) throws Exception {
        List<String> troubles = Trial.troubles(context, files);
        if (!troubles.isEmpty()) {
            keeping(troubles);
            return;
        }
        try {
            replace(files);
            running = files;
            LOG.info("reloaded the routes in {}", folder);
        } catch (Exception e) {
            LOG.debug("the routes could not be started", e);
            Model model = context.getCamelContextExtension().getContextPlugin(Model.class);
            String trouble = Place.describe(e, null, model);
            replace(running);
            keeping(List.of(trouble));
        }
    }

    private void keeping(Collection<String> troubles) {
        LOG.error(
                "the routes in {} are not reloaded; those that run stay. Fix the file and save it:\n  {}",
                folder,
                String.join("\n  ", troubles));
    }

    private void replace(RouteFiles files) throws Exception {
        DirectComponent direct = context.getComponent("direct", DirectComponent.class);
        direct.setBlock(true);
        try {
            context.getRouteController().removeAllRoutes();
            context.removeRouteTemplates("*");
            context.getEndpointRegistry().clear();
            PluginHelper.getRoutesLoader(context).updateRoutes(files.resources());
        } finally {
            direct.setBlock(false);
        }
    }
}
