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
 * The two steps around a request to a provider's API: {@code before} notes when it is asked, {@code after} judges the answer. Out: the
 * variable {@code stamp} (ISO 8601) and, for 2xx, the body as JSON with its numbers exact; anything else is an {@link ApiFailure}.
 * <p>
 * The stamp is the version of a profile that carries none, or of a deletion: when it was asked for. Where the provider's clock (its header Date) is behind
 * ours, by its clock: a stamp too old loses against a webhook and is mended by the next question, one too new would hide webhooks.
 * Thread-safe.
 *
 * @see <a href="https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3">RFC 9110 on Retry-After</a>
 */
@BindToRegistry("api-call")
public final class ApiCall {

    private static final Logger LOG = LoggerFactory.getLogger("users-sync");
    /** What we wait at most: a Retry-After of a year would be a silent end. */
    private static final Duration LONGEST_PAUSE = Duration.ofHours(1);
    private static final Duration DEFAULT_PAUSE = Duration.ofSeconds(10);
    /** Date is cut to seconds, and an answer takes its time: less than this is no proof of two clocks. */
    private static final Duration CLOCKS_AGREE = Duration.ofSeconds(2);

    /** A log line about an address that answers nothing but 404, a provider and this time. */
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

    /** The variable {@code asked} is set to now, unless the poller has set it by the clock of the database. */
    public void before(Exchange exchange) {
        if (exchange.getVariable("asked") == null) {
            exchange.setVariable("asked", clock.instant().truncatedTo(ChronoUnit.MICROS).toString());
        }
    }

    /** Sets the header Authorization to HTTP Basic, for an API key that is {@code <id>:<secret>}. */
    public void basic(Exchange exchange) {
        String key = Setting.of(exchange.getContext(), exchange.getVariable("provider", String.class) + Providers.API_KEY);
        exchange.getMessage().setHeader("Authorization", "Basic " + Base64.getEncoder().encodeToString(key.getBytes(StandardCharsets.UTF_8)));
    }

    /** The variable {@code userId} as one segment of a path. */
    public String userSegment(Exchange exchange) {
        String id = exchange.getVariable("userId", String.class);
        if (id == null || id.isEmpty() || id.matches("\\.{1,2}")) {
            throw new ApiFailure(404, null, "there can be no user of this id");
        }
        return URLEncoder.encode(id, StandardCharsets.UTF_8).replace("+", "%20");
    }

    /** @throws ApiFailure if the answer is not 2xx or not JSON */
    public void after(Exchange exchange) throws Exception {
        Message answer = exchange.getMessage();
        String provider = exchange.getVariable("provider", String.class);
        exchange.setVariable("stamp", stamp(Instant.parse(exchange.getVariable("asked", String.class)), answer).toString());
        int status = answer.getHeader(Exchange.HTTP_RESPONSE_CODE, 0, Integer.class);
        if (status == 401) {
            ClientCredentials.forget(exchange.getContext(), provider);
        }
        if (status < 200 || status > 299) {
            throw failure(provider, status, answer);
        }
        answering.add(provider);
        try {
            json.process(exchange);
        } catch (IllegalArgumentException e) { // also an empty body
            throw new ApiFailure(0, null, "the answer of its API is not JSON, check " + Setting.variable(provider + ".api.url"));
        }
    }

    /**
     * After an answer that there is no such user: whether the API has answered anything else since the start. An address that answers 404
     * to every question proves nothing of a user; the log names it then, once a minute.
     */
    public boolean hasAnswered(Exchange exchange) {
        String provider = exchange.getVariable("provider", String.class);
        if (exchange.getMessage().getHeader(Exchange.HTTP_RESPONSE_CODE) == null) {
            return false; // there was no request, see userSegment
        }
        if (answering.contains(provider)) {
            return true;
        }
        Instant now = clock.instant();
        if (warned.merge(provider, now, (last, next) -> Duration.between(last, next).compareTo(BETWEEN_WARNINGS) < 0 ? last : next) == now) {
            String url = provider + Providers.API_URL;
            LOG.warn("{}: its API has answered nothing but 404 since the start, so nobody is deleted: check {}, which is {}", provider, Setting.variable(url),
                    Setting.of(exchange.getContext(), url).replaceFirst("//[^/@]*@", "//").replaceFirst("[?#].*", ""));
        }
        return false;
    }

    /** @throws ApiFailure if the body is not one user, an object: nothing is known of the user then */
    public void user(Exchange exchange) {
        if (!(exchange.getMessage().getBody() instanceof ObjectNode)) {
            throw new ApiFailure(0, null, "its API answers without a user");
        }
    }

    private Instant stamp(Instant asked, Message answer) {
        Instant theirs = date(answer.getHeader("Date", String.class));
        Duration behind = theirs == null ? Duration.ZERO : Duration.between(theirs, clock.instant());
        return behind.compareTo(CLOCKS_AGREE) > 0 ? asked.minus(behind).truncatedTo(ChronoUnit.MICROS) : asked;
    }

    private ApiFailure failure(String provider, int status, Message answer) {
        if (status == 429 || status == 503 && answer.getHeader("Retry-After") != null) {
            return new ApiFailure(status, pause(answer), "its API asks for a pause, HTTP " + status);
        }
        String advice = switch (status) {
            case 401 -> ", check " + Setting.variable(provider + ".api.key");
            case 403 -> ", the key in " + Setting.variable(provider + ".api.key") + " may not read users";
            case 301, 302, 303, 307, 308 -> ", check " + Setting.variable(provider + ".api.url");
            default -> "";
        };
        return new ApiFailure(status, null, "its API answers HTTP " + status + advice);
    }

    /** Retry-After in seconds or as a date; else the end of the limit that Auth0 and Okta tell in unix seconds. */
    private Duration pause(Message answer) {
        Instant now = clock.instant();
        Duration pause = DEFAULT_PAUSE;
        String retryAfter = answer.getHeader("Retry-After", "", String.class).strip();
        String reset = answer.getHeader("X-Rate-Limit-Reset", answer.getHeader("X-RateLimit-Reset", "", String.class), String.class).strip();
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
            return text == null || text.isEmpty() ? null : ZonedDateTime.parse(text, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant();
        } catch (DateTimeException e) {
            return null;
        }
    }
}
