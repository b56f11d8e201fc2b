package dev.userssync.provider;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.userssync.event.ApiFailure;
import dev.userssync.event.JsonBody;
import dev.userssync.settings.Providers;
import dev.userssync.settings.Setting;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.Base64;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The two steps around a request to a provider's API: {@code before} notes the time of the request, {@code after}
 * checks the answer. Out: the variable {@code stamp} (ISO 8601) and, for 2xx, the body as JSON with exact numbers.
 * Anything else is an {@link ApiFailure}.
 * <p>
 * The stamp is the time of the request. It is the version of a deletion, and of a profile without a version. If the
 * provider's clock (its header Date) is behind ours, the stamp uses the provider's clock. A stamp that is too old loses
 * against a webhook, and the next request repairs the row. A stamp that is too new would hide webhooks. Thread-safe.
 *
 * @see <a href="https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3">RFC 9110 on Retry-After</a>
 */
@BindToRegistry("api-call")
public final class ApiCall {

    private static final Logger LOG = LoggerFactory.getLogger("users-sync");
    /** The longest pause. A Retry-After of a year would silently end the polling. */
    private static final Duration LONGEST_PAUSE = Duration.ofHours(1);

    private static final Duration DEFAULT_PAUSE = Duration.ofSeconds(10);
    /** Clocks that differ by less agree: Date has only seconds, and an answer takes time. */
    private static final Duration CLOCKS_AGREE = Duration.ofSeconds(2);

    /** The time between two log lines about an address of a provider that only answers 404. */
    private static final Duration BETWEEN_WARNINGS = Duration.ofMinutes(1);

    private final Clock clock;
    private final Set<String> answering = ConcurrentHashMap.newKeySet();
    private final Map<String, Instant> warned = new ConcurrentHashMap<>();
    private final JsonBody json = new JsonBody();

    public ApiCall() {
        this(Clock.systemUTC());
    }

    public ApiCall(Clock clock) {
        this.clock = clock;
    }

    /** Sets the variable {@code asked} to now, unless the poller has set it by the clock of the database. */
    public void before(Exchange exchange) {
        if (exchange.getVariable("asked") == null) {
            exchange.setVariable(
                    "asked", clock.instant().truncatedTo(ChronoUnit.MICROS).toString());
        }
    }

    /** Sets the header Authorization to the API key, as a bearer token. */
    public void bearer(Exchange exchange) {
        exchange.getMessage().setHeader("Authorization", "Bearer " + key(exchange));
    }

    /** Sets the header Authorization to HTTP Basic, for an API key that is {@code <id>:<secret>}. */
    public void basic(Exchange exchange) {
        byte[] key = key(exchange).getBytes(StandardCharsets.UTF_8);
        exchange.getMessage()
                .setHeader("Authorization", "Basic " + Base64.getEncoder().encodeToString(key));
    }

    private static String key(Exchange exchange) {
        return Setting.of(exchange.getContext(), exchange.getVariable("provider", String.class) + Providers.API_KEY);
    }

    /** The variable {@code userId}, encoded as one segment of a path. */
    public String userSegment(Exchange exchange) {
        String id = exchange.getVariable("userId", String.class);
        if (id == null || id.isEmpty() || id.matches("\\.{1,2}")) {
            throw new ApiFailure(404, null, "no user can have this id");
        }
        return URLEncoder.encode(id, StandardCharsets.UTF_8).replace("+", "%20");
    }

    /** @throws ApiFailure if the answer is not 2xx or not JSON */
    public void after(Exchange exchange) throws Exception {
        Message answer = exchange.getMessage();
        String provider = exchange.getVariable("provider", String.class);
        exchange.setVariable(
                "stamp",
                stamp(Instant.parse(exchange.getVariable("asked", String.class)), answer)
                        .minusSeconds(exchange.getVariable("lag", 0L, Long.class))
                        .toString());
        int status = answer.getHeader(Exchange.HTTP_RESPONSE_CODE, 0, Integer.class);
        if (status == 401) {
            ClientCredentials.forget(exchange.getContext(), provider);
        }
        if (status < 200 || status > 299) {
            throw failure(provider, status, answer, exchange.getVariable("scopes", String.class));
        }
        answering.add(provider);
        try {
            json.process(exchange);
        } catch (IllegalArgumentException e) { // also an empty body
            throw new ApiFailure(
                    0, null, "the answer of its API is not JSON, check " + Setting.variable(provider + ".api.url"));
        }
    }

    /**
     * After a 404 for a user: whether the API has answered anything else since the start. An address that answers 404
     * to every request proves nothing about a user. Then it logs the address, once a minute.
     */
    public boolean hasAnswered(Exchange exchange) {
        String provider = exchange.getVariable("provider", String.class);
        if (exchange.getMessage().getHeader(Exchange.HTTP_RESPONSE_CODE) == null) {
            return false; // no request was sent, see userSegment
        }
        if (answering.contains(provider)) {
            return true;
        }
        Instant now = clock.instant();
        if (warned.merge(
                        provider,
                        now,
                        (last, next) -> Duration.between(last, next).compareTo(BETWEEN_WARNINGS) < 0 ? last : next)
                == now) {
            String url = provider + Providers.API_URL;
            LOG.warn(
                    "{}: its API has only answered 404 since the start, so nobody is deleted: check {}, which is {}",
                    provider,
                    Setting.variable(url),
                    Setting.of(exchange.getContext(), url)
                            .replaceFirst("//[^/@]*@", "//")
                            .replaceFirst("[?#].*", ""));
        }
        return false;
    }

    /** @throws ApiFailure if the body is not one user, an object; then nothing is known about the user */
    public void user(Exchange exchange) {
        if (!(exchange.getMessage().getBody() instanceof ObjectNode)) {
            throw new ApiFailure(0, null, "its API answers without a user");
        }
    }

    /** @throws ApiFailure as a 404: the answer was 2xx, and shows that there is no such user */
    public void noUser() {
        throw new ApiFailure(404, null, "its API does not list the user");
    }

    private Instant stamp(Instant asked, Message answer) {
        Instant theirs = date(answer.getHeader("Date", String.class));
        Duration behind = theirs == null ? Duration.ZERO : Duration.between(theirs, clock.instant());
        return behind.compareTo(CLOCKS_AGREE) > 0 ? asked.minus(behind).truncatedTo(ChronoUnit.MICROS) : asked;
    }

    private ApiFailure failure(String provider, int status, Message answer, String scopes) {
        if (status == 429 || status == 503 && answer.getHeader("Retry-After") != null) {
            return new ApiFailure(status, pause(answer), "its API asks for a pause, HTTP " + status);
        }
        String key = Setting.variable(provider + ".api.key");
        String remedy = scopes == null
                ? ""
                : ": let it " + scopes + ", or set " + Setting.variable(provider + ".organizations") + "=off";
        String advice = switch (status) {
            case 400 -> scopes == null ? "" : ", check " + key + remedy; // the provider may have no organizations
            case 401 -> ", check " + key + remedy; // FusionAuth's answer also to a key without the permission
            case 403 ->
                ", the key in " + key + " may not read " + (scopes == null ? "users" : "organizations") + remedy;
            case 301, 302, 303, 307, 308 -> ", check " + Setting.variable(provider + ".api.url");
            default -> "";
        };
        return new ApiFailure(status, null, "its API answers HTTP " + status + advice);
    }

    /**
     * The pause in Retry-After, in seconds or as a date. Otherwise the end of the rate limit, which Auth0 and Okta send
     * in unix seconds.
     */
    private Duration pause(Message answer) {
        Instant now = clock.instant();
        Duration pause = DEFAULT_PAUSE;
        String retryAfter = answer.getHeader("Retry-After", "", String.class).strip();
        String reset = answer.getHeader(
                        "X-Rate-Limit-Reset", answer.getHeader("X-RateLimit-Reset", "", String.class), String.class)
                .strip();
        if (retryAfter.matches("\\d{1,9}")) {
            pause = Duration.ofSeconds(Long.parseLong(retryAfter));
        } else if (date(retryAfter) != null) {
            pause = Duration.between(now, date(retryAfter));
        } else if (reset.matches("\\d{9,12}")) {
            pause = Duration.between(now, Instant.ofEpochSecond(Long.parseLong(reset)));
        }
        if (pause.compareTo(Duration.ofSeconds(1)) < 0) {
            return Duration.ofSeconds(1);
        }
        return pause.compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : pause;
    }

    private static Instant date(String text) {
        try {
            return text == null || text.isEmpty()
                    ? null
                    : ZonedDateTime.parse(text, DateTimeFormatter.RFC_1123_DATE_TIME)
                            .toInstant();
        } catch (DateTimeException e) {
            return null;
        }
    }
}
