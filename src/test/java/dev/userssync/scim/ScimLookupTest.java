package dev.userssync.scim;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.testing.ScimApp;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Many SCIM users among as many others: an index serves every lookup of the clients. For as many as the README
 * promises: {@code mvn test -Dtest=ScimLookupTest -Dscim.users=100000}.
 */
class ScimLookupTest extends ScimApp {

    private static final int USERS = Integer.getInteger("scim.users", 5_000);

    private boolean isFilled;

    @Override
    public void empty() {
        // keeps the users: the method below inserts them once
    }

    @BeforeEach
    void manyUsers() {
        if (isFilled) {
            return;
        }
        isFilled = true;
        database.execute("""
                INSERT INTO neon_auth.users_sync (id, raw_json, name, email, created_at, updated_at)
                SELECT 'id' || i, jsonb_build_object('schemas', jsonb_build_array('urn:ietf:params:scim:schemas:core:2.0:User'), 'id', 'id' || i,
                         'userName', 'User' || i || '@x.example', 'externalId', 'e' || i, 'active', i %% 10 > 0, 'name', jsonb_build_object('familyName', 'F' || i),
                         'emails', jsonb_build_array(jsonb_build_object('type', 'work', 'value', 'Work' || i || '@x.example'),
                                                     jsonb_build_object('type', 'home', 'value', 'home' || i || '@x.example'))),
                       NULL, 'work' || i || '@x.example', now(), now()
                  FROM generate_series(1, %1$d) i;
                INSERT INTO neon_auth.users_sync (id, raw_json) SELECT 'other' || i, jsonb_build_object('userName', 'User' || i || '@x.example') FROM generate_series(1, %1$d) i;
                INSERT INTO neon_auth.organizations_sync (id, kind, raw_json, updated_at)
                SELECT 'g' || i, 'group', jsonb_build_object('schemas', jsonb_build_array('urn:ietf:params:scim:schemas:core:2.0:Group'), 'id', 'g' || i,
                         'displayName', 'Group ' || i, 'externalId', 'e' || i), now()
                  FROM generate_series(1, %1$d) i;
                ANALYZE neon_auth.organizations_sync;
                ANALYZE neon_auth.users_sync""".formatted(USERS));
    }

    private Reply find(String filter) {
        return get("/Users?filter=" + URLEncoder.encode(filter, StandardCharsets.UTF_8));
    }

    @Test
    void lookupsUseAnIndex() {
        for (String filter : List.of(
                "userName eq \"user3777@X.example\"",
                "externalId eq \"e3777\"",
                "id eq \"id3777\"",
                "emails.value eq \"work3777@x.example\"",
                "emails[type eq \"work\"].value eq \"WORK3777@x.example\"",
                "userName eq \"user3777@x.example\" and active eq true")) {
            assertEquals("id3777", find(filter).json().at("/Resources/0/id").textValue(), filter);
        }
        for (String filter : List.of("displayName eq \"group 3777\"", "externalId eq \"e3777\"", "id eq \"g3777\"")) {
            assertEquals(
                    "g3777",
                    get("/Groups?excludedAttributes=members&filter="
                                    + URLEncoder.encode(filter, StandardCharsets.UTF_8))
                            .json()
                            .at("/Resources/0/id")
                            .textValue(),
                    filter);
        }
        assertEquals(201, post("/Users", user("one more")).status());
        // Postgres publishes the statistics of a connection within a second or two.
        await().atMost(Duration.ofSeconds(10))
                .until(() -> database.column(
                                "SELECT indexrelname FROM pg_stat_user_indexes WHERE idx_scan > 0 AND indexrelname LIKE"
                                        + " '%scim%' ORDER BY 1")
                        .containsAll(List.of(
                                "organizations_sync_scim_external_idx",
                                "organizations_sync_scim_name_idx",
                                "users_sync_scim_emails_idx",
                                "users_sync_scim_external_idx",
                                "users_sync_scim_user_name_idx")));
    }

    @Test
    void everythingElseIsFoundToo() {
        assertEquals(
                1,
                find("name.familyName eq \"f3777\"").json().path("totalResults").intValue());
        assertEquals(
                USERS / 10, find("active eq false").json().path("totalResults").intValue());
        assertEquals(
                1,
                find("emails[value sw \"home3777@\"]")
                        .json()
                        .path("totalResults")
                        .intValue());
        Reply last = get("/Users?startIndex=" + (USERS - 9) + "&count=100");
        assertTrue(last.json().path("totalResults").intValue() >= USERS);
        assertTrue(last.json().path("itemsPerPage").intValue() >= 10);
    }
}
