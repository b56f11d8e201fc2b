package dev.userssync.provider;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.userssync.testing.FakeApi;
import dev.userssync.testing.FakeApi.Answer;
import dev.userssync.testing.FakeApis;
import dev.userssync.testing.PolledApp;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A provider's API that tries to send users-sync, with its API key, to another host. */
class HostileProviderTest extends PolledApp {

    /** A server that must get no request: another host, or a service that only this machine can reach. */
    private final FakeApi elsewhere = new FakeApi((request, api) -> Answer.ok(FakeApi.array(List.of())));

    HostileProviderTest() {
        super("okta", FakeApis::okta);
    }

    @BeforeEach
    void twoPages() {
        elsewhere.reset();
        api.largestPage = 2;
        api.createMany("user_", 3);
    }

    @AfterAll
    void closeElsewhere() {
        elsewhere.close();
    }

    @Test
    void aNextLinkToAnotherHostIsAskedAtOurs() {
        List<FakeApi.Request> asked = new CopyOnWriteArrayList<>();
        api.fault(request -> {
            asked.add(request);
            Answer answer = FakeApis.okta(request, api);
            String link = answer.headers().get("Link");
            return link == null ? answer : answer.header("Link", link.replace(api.url(), elsewhere.url()));
        });
        backfill();
        assertTableIsTrue();
        assertTrue(
                asked.stream().anyMatch(request -> request.query().containsKey("after")),
                "the second page was asked for");
        assertEquals(List.of(), elsewhere.requests());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"@elsewhere/?", "//elsewhere/?", "?x=1#@elsewhere/?", "?after=1&CamelHttpUri=http://elsewhere&"})
    void noPartOfALinkNamesAHost(String hostile) {
        String target = hostile.replace("elsewhere", elsewhere.url().replace("http://", ""));
        api.fault(request -> request.query().containsKey("after")
                        || request.query().containsKey("x")
                ? Answer.ok(FakeApi.array(List.of()))
                : FakeApis.okta(request, api).header("Link", "<" + api.url() + target + "after=1>; rel=\"next\""));
        backfill();
        assertEquals(List.of(), elsewhere.requests());
    }

    @ParameterizedTest
    @ValueSource(ints = {301, 302, 303, 307, 308})
    void aRedirectIsAFailureAndTheKeyStaysHere(int status) {
        api.fault(request -> Answer.status(status).header("Location", elsewhere.url() + request.path()));
        list();
        awaitState("last_error LIKE '%HTTP " + status + ", check OKTA_API_URL%'");
        assertEquals(502, post("/admin/users/okta/user_0000001/refresh").statusCode());
        assertEquals(List.of(), elsewhere.requests());
        api.mend();
        wake("listing_due = now()");
        awaitState("backfilled_at IS NOT NULL");
    }

    @Test
    void anAnswerThatIsTooLargeIsAFailureLikeAnother() {
        api.fault(request -> Answer.ok(FakeApi.array(
                List.of(JsonNodeFactory.instance.objectNode().put("id", "x".repeat(ApiLimits.LARGEST))))));
        list();
        awaitState("last_error LIKE '%its API answers with more than 32 MiB%'");
        api.mend();
        wake("listing_due = now()");
        awaitState("backfilled_at IS NOT NULL");
        assertTableIsTrue();
    }
}
