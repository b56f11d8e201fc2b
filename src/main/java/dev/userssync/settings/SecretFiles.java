package dev.userssync.settings;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.camel.BindToRegistry;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.spi.PropertiesComponent;
import org.apache.camel.support.service.ServiceSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads secrets from files, as Docker, Kubernetes and systemd hand them out. The file in {@code <NAME>_FILE} holds the
 * value of the setting {@code <NAME>}: a webhook secret, an API key or a password. {@code <setting>.file} in
 * application.properties does the same.
 * <p>
 * users-sync reads the files before anything else, and then every two seconds. It applies a changed secret at once.
 * It logs an unusable secret without its text and keeps the previous one. Compares contents: Kubernetes replaces mounted
 * secrets by symlink, which file watchers miss. Thread-safe.
 */
@BindToRegistry("secret-files")
public final class SecretFiles {

    private static final Logger LOG = LoggerFactory.getLogger(SecretFiles.class);
    static final String SUFFIX = "_FILE";
    private static final long LARGEST = 64 * 1024;

    /**
     * Reads the files, once per context. Call it before you read a secret.
     *
     * @throws StartupFailure if a file cannot be read or is empty, or if a secret is also set without a file
     */
    public static void load(CamelContext context) {
        PerContext.of(context, Loaded.class, Loaded::new);
    }

    /** Reads the files again and applies the changed secrets. */
    public void reread(Exchange exchange) {
        exchange.getContext().hasService(Loaded.class).reread();
    }

    static boolean isSecret(String setting) {
        return setting.endsWith(".secret") || setting.endsWith(Providers.API_KEY) || setting.endsWith(".password");
    }

    /** The files of one context. */
    private static final class Loaded extends ServiceSupport {

        private final CamelContext context;
        private final Map<String, Path> files = new TreeMap<>();
        /** The text last read, even if it could not be used. */
        private final Map<String, String> read = new TreeMap<>();
        /** Why a file cannot be used now; each reason is logged once. */
        private final Map<String, String> trouble = new TreeMap<>();

        Loaded(CamelContext context) {
            this.context = context;
            PropertiesComponent settings = context.getPropertiesComponent();
            Properties all = settings.loadProperties(SecretFiles::isSecret);
            for (String setting : all.stringPropertyNames()) {
                String name = Setting.variable(setting) + SUFFIX;
                String path = settings.resolveProperty(setting + ".file")
                        .orElseGet(() -> System.getenv().getOrDefault(name, ""))
                        .strip();
                if (path.isEmpty()) {
                    continue;
                }
                if (!settings.resolveProperty(setting).orElse("").isBlank()) {
                    throw new StartupFailure(
                            Setting.variable(setting) + " and " + name + " are both set: unset one of them");
                }
                try {
                    files.put(setting, Path.of(path));
                    String text = text(files.get(setting));
                    read.put(setting, text);
                    settings.addOverrideProperty(setting, text);
                } catch (IOException | InvalidPathException e) {
                    throw new StartupFailure(name + " names a file that cannot be used: " + reason(e));
                }
            }
            settings.addOverrideProperty("secret.files", Integer.toString(files.size()));
        }

        synchronized void reread() {
            files.forEach((setting, file) -> {
                String name = Setting.variable(setting) + SUFFIX;
                try {
                    String text = text(file);
                    trouble.remove(setting);
                    if (!text.equals(read.put(setting, text))) {
                        use(setting, text);
                        LOG.info("{} has changed and is in use", name);
                    }
                } catch (IOException | RuntimeException e) {
                    if (!reason(e).equals(trouble.put(setting, reason(e)))) {
                        LOG.warn("{} cannot be used, keeping the previous value: {}", name, reason(e));
                    }
                }
            });
        }

        private void use(String setting, String text) {
            PropertiesComponent settings = context.getPropertiesComponent();
            String before = settings.resolveProperty(setting).orElse("");
            settings.addOverrideProperty(setting, text);
            try {
                context.getRegistry().findByType(SecretUser.class).forEach(user -> user.secretChanged(setting));
            } catch (RuntimeException e) {
                settings.addOverrideProperty(setting, before);
                throw e;
            }
        }
    }

    /** The text of a file without the line break that an editor leaves at the end. */
    private static String text(Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new IOException("there is no such file");
        }
        if (Files.size(file) > LARGEST) {
            throw new IOException("it is larger than " + LARGEST / 1024 + " KiB");
        }
        String text = new String(Files.readAllBytes(file), StandardCharsets.UTF_8).strip();
        if (text.isEmpty()) {
            throw new IOException("it is empty");
        }
        return text;
    }

    /** The message of our own exceptions, which never holds a secret; only the class of any other. */
    private static String reason(Exception e) {
        boolean own = e.getClass() == IOException.class || e instanceof StartupFailure;
        return own ? e.getMessage() : e.getClass().getSimpleName();
    }
}
