package dev.userssync;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import org.apache.camel.BindToRegistry;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.ExtendedStartupListener;
import org.apache.camel.component.platform.http.vertx.VertxPlatformHttpRouter;
import org.apache.camel.support.jsse.SSLContextParameters;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What happens once around the start, however the application is run: settings are checked before the routes are loaded; when
 * everything runs, the management API is opened, the sample is shown and the start table is logged.
 */
@BindToRegistry("startup")
public final class Startup implements CamelContextAware, ExtendedStartupListener {

    private static final Logger LOG = LoggerFactory.getLogger("users-sync");

    private CamelContext context;
    private Providers providers;
    private KafkaSettings kafka;
    private HttpDoor door;
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
        if (Boolean.parseBoolean(Setting.of(context, "tracing.enabled"))) {
            Tracing.start(context);
        }
        unlockKeyStore();
        checkFree("camel.server.port", "PORT");
        checkFree("camel.management.port", "MANAGEMENT_PORT");
        SettingNames.findings(System.getenv(), SettingNames.known(context), providers.all().keySet()).forEach(LOG::warn);
        providers.check();
        kafka.takeEnvironment();
        kafka.check();
        new PollSettings(context).check();
        JqPaths.check(context);
        new RetentionSettings(context).check();
        if (providers.withUsers().isEmpty() && Setting.of(context, "database.url").isEmpty()) {
            byte[] secret = new byte[32];
            new SecureRandom().nextBytes(secret);
            context.getPropertiesComponent().addOverrideProperty(Providers.SAMPLE + Providers.SECRET,
                    "whsec_" + Base64.getEncoder().encodeToString(secret));
        }
        context.getPropertiesComponent().addOverrideProperty("supabase.poll.changes", Boolean.toString(!Setting.of(context, "supabase.database.url").isEmpty()));
        List<String> on = kafka.appliesOnly() ? List.of() : providers.on();
        providers.all().keySet().forEach(provider -> context.getPropertiesComponent()
                .addOverrideProperty(provider + Providers.ON, Boolean.toString(on.contains(provider))));
        this.door = new HttpDoor(context, providers);
        try {
            context.addStartupListener(this);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void onCamelContextStarted(CamelContext started, boolean alreadyStarted) {
        // when all else runs: below
    }

    @Override
    public void onCamelContextFullyStarted(CamelContext started, boolean alreadyStarted) throws Exception {
        VertxPlatformHttpRouter webhooks = router("camel.server.port");
        door.answerWebhooks(webhooks, limitSlowClients(webhooks));
        new Readiness(context).register(webhooks.getServer().getServer());
        measure();
        VertxPlatformHttpRouter management = router("camel.management.port");
        door.answerManagement(management, limitSlowClients(management));
        serveOperators(management);
        door.open();
        if (providers.on().equals(List.of(Providers.SAMPLE))) {
            LOG.info("No provider is configured; this is what users-sync does with one, shown with an invented user:\n{}",
                    new SampleSender(context).send(Providers.SAMPLE));
        }
        LOG.info("{}", table());
    }

    /** Here, because Camel would read the password before the files that secrets may stand in. */
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
            throw new StartupFailure("the certificate for TLS cannot be read: " + e.getMessage() + "; check TLS_KEYSTORE, a PKCS12 file, and TLS_KEYSTORE_PASSWORD");
        }
    }

    private SlowClients limitSlowClients(VertxPlatformHttpRouter router) {
        SlowClients slow = new SlowClients(router.vertx(), Duration.ofSeconds(Integer.parseInt(Setting.of(context, "request.timeout"))));
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
            context.getExecutorServiceManager().newThread("console-indexes", () -> ConsoleIndexes.make(Database.of(context))).start();
        }
    }

    /** The figures of this instance that are read when somebody asks. */
    private void measure() {
        Metrics metrics = Metrics.of(context);
        Freshness freshness = Freshness.of(context);
        for (String provider : providers.on()) {
            metrics.gauge("users_sync.webhook.age.seconds", "Seconds since the last verified delivery, or since the start", freshness,
                    known -> known.webhookAge(provider), "provider", provider);
        }
        for (String provider : new PollSettings(context).providers()) {
            metrics.gauge("users_sync.poll.age.seconds", "Seconds since everything that the provider tells was in the table, or since the start", freshness,
                    known -> known.pollAge(provider), "provider", provider);
        }
        if (kafka.applies()) {
            metrics.gauge("users_sync.topic.delay.seconds", "Age of the oldest user event that was read from the topic and is not in the table yet",
                    context.getRegistry().lookupByNameAndType("apply-records", ApplyRecords.class), ApplyRecords::delaySeconds);
        }
        MicrobatchComponent batches = context.getComponent("microbatch", MicrobatchComponent.class);
        metrics.gauge("users_sync.queue.depth", "User events that wait for the database", batches, component -> {
            MicrobatchConsumer writer = component.consumer("users");
            return writer == null ? Double.NaN : writer.getPendingExchangesSize();
        });
        metrics.gauge("users_sync.queue.capacity", "User events that may wait; one more is answered 503", batches, component -> {
            MicrobatchConsumer writer = component.consumer("users");
            return writer == null ? Double.NaN : writer.capacity();
        });
    }

    /** Camel only warns when a port is taken, and goes on without a listener. */
    private void checkFree(String setting, String env) {
        String port = Setting.of(context, setting);
        if (!isFree(Integer.parseInt(port))) {
            throw new StartupFailure("port " + port + " is in use: stop what uses it, or set " + env + " to another port");
        }
    }

    /** Without listening there: whoever calls in that moment would be let in, and cut off. */
    static boolean isFree(int port) {
        try (Socket socket = new Socket()) {
            socket.setReuseAddress(true); // as a server's: connections that have been closed do not keep the port
            socket.bind(new InetSocketAddress(port));
            return true;
        } catch (IOException taken) {
            return false;
        }
    }

    private VertxPlatformHttpRouter router(String port) {
        return VertxPlatformHttpRouter.lookup(context, VertxPlatformHttpRouter.getRouterNameFromPort(Integer.parseInt(Setting.of(context, port))));
    }

    private String table() {
        Database.Opened database = Database.of(context);
        StringBuilder table = new StringBuilder("users-sync is running\n");
        providers.all().forEach((provider, on) -> {
            if (on && kafka.appliesOnly()) {
                line(table, provider, "off  KAFKA_ROLE=apply takes no deliveries");
            } else if (on) {
                line(table, provider, "on   " + url("camel.server") + Providers.path(provider));
            } else if (providers.isPolled(provider)) {
                line(table, provider, "on   polled, without webhooks: set " + providers.turnedOnBy(provider) + " to turn them on");
            } else if (!provider.equals(Providers.SAMPLE)) {
                line(table, provider, "off  set " + providers.turnedOnBy(provider) + " to turn it on");
            }
        });
        line(table, "database", database.server() + (database.embedded == null ? " at " : ", embedded, at ") + database.description);
        if (database.embedded != null) {
            line(table, "psql", database.embedded.psql() + " -c 'TABLE neon_auth.users_sync'");
        }
        if (kafka.isDoor()) {
            line(table, "topic", "user events go to " + Setting.of(context, "kafka.topic") + " at " + Setting.of(context, "camel.component.kafka.brokers"));
        }
        if (kafka.applies()) {
            line(table, "topic", "user events come from " + Setting.of(context, "kafka.topic") + ", group " + Setting.of(context, "kafka.group"));
        }
        line(table, "console", console ? url("camel.management") + "/console"
                : "off  set CONSOLE_PASSWORD to turn it on");
        line(table, "management", url("camel.management") + "/observe/health");
        return table.toString();
    }

    private String url(String listener) {
        boolean tls = Boolean.parseBoolean(Setting.of(context, "camel.ssl.enabled")) && Boolean.parseBoolean(Setting.of(context, listener + ".useGlobalSslContextParameters"));
        return (tls ? "https" : "http") + "://localhost:" + Setting.of(context, listener + ".port");
    }

    private static void line(StringBuilder table, String name, String text) {
        table.append(String.format("  %-14s %s%n", name, text));
    }
}
