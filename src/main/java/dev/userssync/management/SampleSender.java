package dev.userssync.management;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.userssync.database.Database;
import dev.userssync.settings.Providers;
import dev.userssync.settings.Setting;
import dev.userssync.verify.VerificationScheme;
import dev.userssync.verify.VerifyComponent;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.apache.camel.CamelContext;

/**
 * Plays a provider: posts signed deliveries to this instance over HTTP, and reports each reply and the resulting row.
 * The deliveries create, update and delete one invented user. The signature is of the provider's scheme, the bodies are
 * the provider's test fixtures. Thread-safe.
 */
public final class SampleSender {

    private static final List<String> EVENTS = List.of("user.created", "user.updated", "user.deleted");
    /** In the distribution, or in a clone. */
    private static final Path FIXTURES =
            Path.of(Files.isDirectory(Path.of("samples")) ? "samples" : "src/test/resources");

    private final CamelContext context;
    private final Providers providers;
    private final HttpClient http =
            HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();

    public SampleSender(CamelContext context) {
        this.context = context;
        this.providers = new Providers(context);
    }

    /**
     * @return a line for each reply and each row
     * @throws IllegalArgumentException if the provider is unknown or off, or has no fixtures or only keys that cannot
     *         sign
     */
    public String send(String provider)
            throws IOException, InterruptedException, GeneralSecurityException, SQLException {
        if (!providers.all().getOrDefault(provider, false)) {
            throw new IllegalArgumentException(
                    "provider " + provider + " is not on; providers that are on: " + String.join(", ", providers.on()));
        }
        if (Boolean.parseBoolean(Setting.of(context, "camel.ssl.enabled"))) {
            throw new IllegalArgumentException(
                    "the sample cannot use TLS, and TLS_ENABLED is true: send it before you turn TLS on");
        }
        Path fixtures = FIXTURES.resolve(provider);
        List<String> events = EVENTS.stream()
                .filter(event -> Files.exists(fixtures.resolve(event + ".json")))
                .toList();
        if (events.isEmpty()) {
            throw new IllegalArgumentException("there are no sample deliveries for " + provider + " in " + fixtures);
        }
        String knownId = new ObjectMapper()
                .readTree(fixtures.resolve("user.created.expected.json").toFile())
                .at("/row/id")
                .textValue();
        String id = "sample_" + UUID.randomUUID();
        String prefix = Setting.of(context, provider + Providers.ID_PREFIX);
        URI url = URI.create("http://localhost:" + context.resolvePropertyPlaceholders("{{camel.server.port}}")
                + "/webhooks/" + provider);
        StringBuilder report = new StringBuilder("POST " + url);
        for (String event : events) {
            String body = Files.readString(fixtures.resolve(event + ".json")).replace(knownId, id);
            report.append("\n  ")
                    .append(event)
                    .append(" -> ")
                    .append(post(url, provider, body))
                    .append("\n    ")
                    .append(row(prefix + id));
        }
        return report.toString();
    }

    private int post(URI url, String provider, String body)
            throws IOException, InterruptedException, GeneralSecurityException {
        VerificationScheme.Signed signed;
        try {
            signed = context.getComponent("verify", VerifyComponent.class)
                    .scheme(provider)
                    .sign(body.getBytes(StandardCharsets.UTF_8));
        } catch (IllegalStateException e) {
            throw new IllegalArgumentException("cannot send a sample of " + provider + ": " + e.getMessage());
        }
        HttpRequest.Builder request = HttpRequest.newBuilder(url)
                .timeout(Duration.ofSeconds(30))
                .setHeader("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofByteArray(signed.body()));
        signed.headers().forEach(request::setHeader);
        return http.send(request.build(), HttpResponse.BodyHandlers.discarding())
                .statusCode();
    }

    private String row(String id) throws SQLException {
        try (Connection connection = Database.of(context).connection();
                PreparedStatement select = connection.prepareStatement(
                        "SELECT to_jsonb(u) - 'raw_json' FROM neon_auth.users_sync u WHERE id = ?")) {
            select.setString(1, id);
            ResultSet row = select.executeQuery();
            return row.next() ? row.getString(1) : "no row";
        }
    }
}
