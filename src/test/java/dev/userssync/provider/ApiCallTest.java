package dev.userssync.provider;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.userssync.event.ApiFailure;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.support.DefaultExchange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * How users-sync reads the answer of a provider's API: its stamp, the pause that it asks for, and the message to the
 * operator.
 */
class ApiCallTest {

    private static final Instant NOW = Instant.parse("2026-05-01T12:00:00.500Z");
    private static final CamelContext CONTEXT = new DefaultCamelContext();

    static {
        CONTEXT.start(); // headers ignore case from here on
    }

    private final ApiCall call = new ApiCall(Clock.fixed(NOW, ZoneOffset.UTC));

    private static Exchange answer(int status, String body, String... headers) {
        Exchange answer = new DefaultExchange(CONTEXT);
        answer.setVariable("provider", "acme-id");
        answer.getMessage().setHeader(Exchange.HTTP_RESPONSE_CODE, status);
        for (int i = 0; i < headers.length; i += 2) {
            answer.getMessage().setHeader(headers[i], headers[i + 1]);
        }
        answer.getMessage().setBody(body.getBytes(StandardCharsets.UTF_8));
        return answer;
    }

    private static String date(Duration ahead) {
        return DateTimeFormatter.RFC_1123_DATE_TIME.format(NOW.plus(ahead).atOffset(ZoneOffset.UTC));
    }

    @ParameterizedTest
    @CsvSource({
        "PT0S, 2026-05-01T12:00:00.500Z",
        "PT-1S, 2026-05-01T12:00:00.500Z",
        "PT10M, 2026-05-01T12:00:00.500Z",
        "PT-10M, 2026-05-01T11:50:00Z",
        "PT-48H, 2026-04-29T12:00:00Z"
    })
    void aProviderWhoseClockIsBehindIsStampedByItsClock(Duration ahead, String stamp) throws Exception {
        Exchange answer = answer(200, "[]", "Date", date(ahead));
        call.before(answer);
        call.after(answer);
        assertEquals(stamp, answer.getVariable("stamp"));
    }

    @Test
    void aPollersOwnTimeOfAskingIsKept() throws Exception {
        Exchange answer = answer(200, "[]");
        answer.setVariable("asked", "2026-05-01T11:59:59Z");
        call.before(answer);
        call.after(answer);
        assertEquals("2026-05-01T11:59:59Z", answer.getVariable("stamp"));
    }

    @Test
    void numbersStayExact() throws Exception {
        Exchange answer = answer(200, "{\"n\": 0.1234567890123456789, \"big\": 12345678901234567890123}");
        call.before(answer);
        call.after(answer);
        assertEquals(
                "{\"n\":0.1234567890123456789,\"big\":12345678901234567890123}",
                answer.getMessage().getBody().toString());
    }

    @ParameterizedTest
    @CsvSource({
        "Retry-After, 7, PT7S",
        "retry-after, 0, PT1S",
        "Retry-After, 86400, PT1H",
        "Retry-After, 'Fri, 01 May 2026 12:00:30 GMT', PT29.5S",
        "X-Rate-Limit-Reset, 1777636860, PT59.5S",
        "X-RateLimit-Reset, 1777636860, PT59.5S",
        "Other, 1, PT10S"
    })
    void aPauseIsWhatTheProviderAsksFor(String header, String value, Duration pause) {
        Exchange answer = answer(429, "", header, value);
        call.before(answer);
        assertEquals(
                pause, assertThrows(ApiFailure.class, () -> call.after(answer)).getRetryAfter());
    }

    @ParameterizedTest
    @CsvSource({
        "401, 'its API answers HTTP 401, check ACME_ID_API_KEY'",
        "403, 'its API answers HTTP 403, the key in ACME_ID_API_KEY may not read users'",
        "302, 'its API answers HTTP 302, check ACME_ID_API_URL'",
        "500, its API answers HTTP 500",
        "503, its API answers HTTP 503",
        "0, its API answers HTTP 0"
    })
    void theOperatorIsToldWhatToDo(int status, String message) {
        Exchange answer = answer(status, "secret");
        call.before(answer);
        ApiFailure failure = assertThrows(ApiFailure.class, () -> call.after(answer));
        assertEquals(message, failure.getMessage());
        assertNull(failure.getRetryAfter());
    }

    @ParameterizedTest
    @CsvSource({"''", "<html>", "'[1] 2'"})
    void whatIsNotJsonIsAFailure(String body) {
        Exchange answer = answer(200, body);
        call.before(answer);
        assertEquals(
                "the answer of its API is not JSON, check ACME_ID_API_URL",
                assertThrows(ApiFailure.class, () -> call.after(answer)).getMessage());
    }

    @ParameterizedTest
    @CsvSource({"auth0|1, auth0%7C1", "a b, a%20b", "../x, ..%2Fx", "ü, %C3%BC"})
    void anIdIsOneSegmentOfThePath(String id, String segment) {
        Exchange exchange = new DefaultExchange(CONTEXT);
        exchange.setVariable("userId", id);
        assertEquals(segment, call.userSegment(exchange));
    }

    @ParameterizedTest
    @CsvSource({"..", ".", "''"})
    void anIdThatWouldLeaveThePathIsNoUser(String id) {
        Exchange exchange = new DefaultExchange(CONTEXT);
        exchange.setVariable("userId", id);
        assertEquals(
                true,
                assertThrows(ApiFailure.class, () -> call.userSegment(exchange)).isGone());
    }
}
