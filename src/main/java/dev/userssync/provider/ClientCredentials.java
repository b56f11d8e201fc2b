package dev.userssync.provider;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.userssync.event.ApiFailure;
import dev.userssync.event.JsonBody;
import dev.userssync.http.SmallAnswer;
import dev.userssync.settings.Setting;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.camel.BindToRegistry;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Logs in to a provider's API with OAuth 2.0 client credentials. In: the variable {@code provider} and its settings
 * api.key ({@code <client id>:<client secret>}), token.url, token.scope, token.resource, token.audience and
 * token.credentials (in the {@code header}, as in the RFC, or in the {@code body}). Out: the header Authorization. It
 * caches a token until shortly before it expires, or until the API refuses it. Own code, because camel-http's OAuth
 * support requests a token per URL, keeps tokens for ever and loses the request if there is a resource. Thread-safe.
 *
 * @see <a href="https://www.rfc-editor.org/rfc/rfc6749#section-4.4">RFC 6749 on client credentials</a>, and RFC 8707 on
 *         the resource
 */
@BindToRegistry("client-credentials")
public final class ClientCredentials implements Processor {

    private static final Duration UNKNOWN_LIFE = Duration.ofMinutes(1);
    private static final Duration MARGIN = Duration.ofSeconds(30);
    private static final Duration TIMEOUT = Duration.ofSeconds(10);

    private final Clock clock;
    private final Map<String, Token> tokens = new ConcurrentHashMap<>();
    private final HttpClient http = HttpClient.newBuilder()
            .connectTimeout(Duration.ofSeconds(5))
            .followRedirects(HttpClient.Redirect.NEVER)
            .build();

    public ClientCredentials() {
        this(Clock.systemUTC());
    }

    ClientCredentials(Clock clock) {
        this.clock = clock;
    }

    private record Token(String value, Instant until, String key) {

        @Override
        public String toString() {
            return "a token until " + until;
        }
    }

    /** Forgets a token that the API refused. The next request logs in again. */
    public static void forget(CamelContext context, String provider) {
        ClientCredentials known =
                context.getRegistry().lookupByNameAndType("client-credentials", ClientCredentials.class);
        if (known != null) {
            known.tokens.remove(provider);
        }
    }

    /**
     * @throws ApiFailure if the token endpoint answers without a token; its status is 0, because the answer is not
     *         about a user
     */
    @Override
    public void process(Exchange exchange) throws Exception {
        String provider = exchange.getVariable("provider", String.class);
        Token token = tokens.get(provider);
        String key = Setting.of(exchange.getContext(), provider + ".api.key"); // a file may replace it
        if (token == null || !clock.instant().isBefore(token.until) || !token.key.equals(key)) {
            token = login(exchange.getContext(), provider, key);
            tokens.put(provider, token);
        }
        exchange.getMessage().setHeader("Authorization", "Bearer " + token.value);
    }

    private Token login(CamelContext context, String provider, String key) throws IOException {
        String[] idAndSecret = key.split(":", 2);
        if (idAndSecret.length != 2) {
            throw new ApiFailure(
                    0, null, Setting.variable(provider + ".api.key") + " is not <client id>:<client secret>");
        }
        String scope = Setting.of(context, provider + ".token.scope");
        String resource = Setting.of(context, provider + ".token.resource");
        String audience = Setting.of(context, provider + ".token.audience");
        boolean inBody = Setting.of(context, provider + ".token.credentials").equals("body");
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(Setting.of(context, provider + ".token.url")))
                .header("Content-Type", "application/x-www-form-urlencoded")
                .POST(HttpRequest.BodyPublishers.ofString("grant_type=client_credentials"
                        + (scope.isEmpty() ? "" : "&scope=" + encode(scope))
                        + (resource.isEmpty() ? "" : "&resource=" + encode(resource))
                        + (audience.isEmpty() ? "" : "&audience=" + encode(audience))
                        + (inBody
                                ? "&client_id=" + encode(idAndSecret[0]) + "&client_secret=" + encode(idAndSecret[1])
                                : "")));
        if (!inBody) {
            request.header(
                    "Authorization",
                    "Basic "
                            + Base64.getEncoder()
                                    .encodeToString((encode(idAndSecret[0]) + ":" + encode(idAndSecret[1]))
                                            .getBytes(StandardCharsets.UTF_8)));
        }
        Instant asked = clock.instant();
        HttpResponse<byte[]> answer = SmallAnswer.to(request.build(), http, TIMEOUT);
        JsonNode json = answer.statusCode() == 200 ? json(answer.body()) : MissingNode.getInstance();
        if (!json.path("access_token").isTextual()) {
            throw new ApiFailure(
                    0,
                    null,
                    "its token endpoint answers HTTP " + answer.statusCode() + " without a token, check "
                            + Setting.variable(provider + ".api.key") + " and "
                            + Setting.variable(provider + ".api.url"));
        }
        Duration life = json.path("expires_in").canConvertToInt()
                ? Duration.ofSeconds(json.path("expires_in").intValue())
                : UNKNOWN_LIFE;
        return new Token(
                json.path("access_token").textValue(),
                asked.plus(life.compareTo(MARGIN.multipliedBy(2)) > 0 ? life.minus(MARGIN) : life.dividedBy(2)),
                key);
    }

    private static JsonNode json(byte[] body) throws IOException {
        try {
            return JsonBody.MAPPER.readTree(body);
        } catch (JsonProcessingException e) {
            return MissingNode.getInstance();
        }
    }

    private static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }
}
