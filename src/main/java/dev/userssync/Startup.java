package dev.userssync;

import dev.userssync.client.KnownClients;
import dev.userssync.console.Console;
import dev.userssync.console.ConsoleIndexes;
import dev.userssync.database.Database;
import dev.userssync.http.SlowClients;
import dev.userssync.management.Access;
import dev.userssync.management.ManagementApi;
import dev.userssync.management.OperatorRoutes;
import dev.userssync.management.SampleSender;
import dev.userssync.observe.Gauges;
import dev.userssync.observe.Readiness;
import dev.userssync.observe.Tracing;
import dev.userssync.reaction.WebhookOut;
import dev.userssync.routes.LiveReload;
import dev.userssync.routes.RouteNames;
import dev.userssync.settings.IdPrefixes;
import dev.userssync.settings.JqFunctions;
import dev.userssync.settings.JqPaths;
import dev.userssync.settings.KafkaSettings;
import dev.userssync.settings.PollSettings;
import dev.userssync.settings.Port;
import dev.userssync.settings.Providers;
import dev.userssync.settings.RetentionSettings;
import dev.userssync.settings.SecretFiles;
import dev.userssync.settings.Setting;
import dev.userssync.settings.SettingKinds;
import dev.userssync.settings.SettingNames;
import dev.userssync.settings.StartupFailure;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import org.apache.camel.BindToRegistry;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.ExtendedStartupListener;
import org.apache.camel.component.direct.DirectComponent;
import org.apache.camel.component.platform.http.vertx.VertxPlatformHttpRouter;
import org.apache.camel.support.jsse.SSLContextParameters;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs the steps around the start, however the application is run. Before the routes are loaded, it checks the
 * settings. When everything runs, it opens the management API, shows the sample and logs the start table.
 */
@BindToRegistry("startup")
public final class Startup implements CamelContextAware, ExtendedStartupListener {

    private static final Logger LOG = LoggerFactory.getLogger("users-sync");

    private CamelContext context;
    private Providers providers;
    private KafkaSettings kafka;
    private HttpDoor door;
    private RouteNames names;
    private boolean console;

    @Override
    public CamelContext getCamelContext() {
        return context;
    }

    @Override
    public void setCamelContext(CamelContext context) {
        if (this.context != null) {
            return; // the Camel CLI injects twice
        }
        this.context = context;
        SettingKinds.check(context);
        SecretFiles.load(context);
        this.providers = new Providers(context);
        this.kafka = new KafkaSettings(context);
        context.getPropertiesComponent().addOverrideProperty(Providers.SCIM_ON, "false"); // until the clients are known
        if (Boolean.parseBoolean(Setting.of(context, "tracing.enabled"))) {
            Tracing.start(context);
        }
        unlockKeyStore();
        Port.requireFree(context, "camel.server.port", "PORT");
        Port.requireFree(context, "camel.management.port", "MANAGEMENT_PORT");
        SettingNames.findings(
                        System.getenv(),
                        SettingNames.known(context),
                        providers.all().keySet())
                .forEach(LOG::warn);
        providers.check();
        kafka.takeEnvironment();
        kafka.check();
        new PollSettings(context).check();
        JqFunctions.load(context);
        JqPaths.check(context);
        new RetentionSettings(context).check();
        WebhookOut.check(context);
        boolean hasScimClients = KnownClients.anyIn(context, new IdPrefixes(context, providers));
        if (providers.withUsers().isEmpty()
                && !hasScimClients
                && Setting.of(context, "database.url").isEmpty()) {
            byte[] secret = new byte[32];
            new SecureRandom().nextBytes(secret);
            context.getPropertiesComponent()
                    .addOverrideProperty(
                            Providers.SAMPLE + Providers.SECRET,
                            "whsec_" + Base64.getEncoder().encodeToString(secret));
        }
        context.getPropertiesComponent()
                .addOverrideProperty(
                        "supabase.poll.changes",
                        Boolean.toString(
                                !Setting.of(context, "supabase.database.url").isEmpty()));
        List<String> on = kafka.appliesOnly() ? List.of() : providers.on();
        providers
                .all()
                .keySet()
                .forEach(provider -> context.getPropertiesComponent()
                        .addOverrideProperty(provider + Providers.ON, Boolean.toString(on.contains(provider))));
        // After the loop: without the secret of SCIM there is none that a verification scheme could compare.
        boolean scim = hasScimClients || providers.on().contains(Providers.SCIM);
        context.getPropertiesComponent().addOverrideProperty(Providers.SCIM_ON, Boolean.toString(scim));
        if (scim) {
            Database.of(context).shareWithLocks();
        }
        this.door = new HttpDoor(context, providers);
        try {
            LiveReload.replaceCamels(context);
            names = RouteNames.watch(context);
            context.addStartupListener(this);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void onCamelContextStarting(CamelContext starting, boolean alreadyStarted) {
        names.check();
    }

    @Override
    public void onCamelContextStarted(CamelContext started, boolean alreadyStarted) {
        // the steps below, when everything else runs
    }

    @Override
    public void onCamelContextFullyStarted(CamelContext started, boolean alreadyStarted) throws Exception {
        VertxPlatformHttpRouter webhooks = router("camel.server.port");
        door.answerWebhooks(webhooks, limitSlowClients(webhooks));
        new Readiness(context).register(webhooks.getServer().getServer());
        Gauges.register(context);
        VertxPlatformHttpRouter management = router("camel.management.port");
        door.answerManagement(management, limitSlowClients(management));
        serveOperators(management);
        door.open();
        context.getComponent("direct", DirectComponent.class).setBlock(false);
        if (providers.on().equals(List.of(Providers.SAMPLE))) {
            LOG.info(
                    "No provider is configured. This is what users-sync does with one, shown with an invented user:\n{}",
                    new SampleSender(context).send(Providers.SAMPLE));
        }
        LOG.info("{}", new StartTable(context, console));
    }

    /** Done here, because Camel would read the password before the files of the secrets. */
    private void unlockKeyStore() {
        SSLContextParameters tls = context.getSSLContextParameters();
        if (tls == null) {
            return;
        }
        tls.getKeyManagers().setKeyPassword(Setting.of(context, "tls.keystore.password"));
        tls.getKeyManagers().getKeyStore().setPassword(Setting.of(context, "tls.keystore.password"));
        try {
            tls.createSSLContext(context);
        } catch (GeneralSecurityException | IOException | RuntimeException e) {
            throw new StartupFailure("the certificate for TLS cannot be read: " + e.getMessage()
                    + "; check TLS_KEYSTORE, a PKCS12 file, and TLS_KEYSTORE_PASSWORD");
        }
    }

    private SlowClients limitSlowClients(VertxPlatformHttpRouter router) {
        SlowClients slow = new SlowClients(
                router.vertx(), Duration.ofSeconds(Integer.parseInt(Setting.of(context, "request.timeout"))));
        slow.watch(router.getServer().getServer());
        return slow;
    }

    private void serveOperators(VertxPlatformHttpRouter management) {
        Access access = new Access(context);
        OperatorRoutes routes = new OperatorRoutes(context);
        new ManagementApi(context, access, routes).serveOn(management);
        new Console(context, access, routes).serveOn(management);
        console = access.isConsoleOn();
        if (console) {
            context.getExecutorServiceManager()
                    .newThread("console-indexes", () -> ConsoleIndexes.make(Database.of(context)))
                    .start();
        }
    }

    private VertxPlatformHttpRouter router(String port) {
        return VertxPlatformHttpRouter.lookup(
                context, VertxPlatformHttpRouter.getRouterNameFromPort(Integer.parseInt(Setting.of(context, port))));
    }
}
