package dev.userssync.provider;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.userssync.testing.Delivery;
import dev.userssync.testing.RunningApp;
import dev.userssync.verify.VerifyComponent;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Auth0 links accounts without an event about the linked account. The primary user names the linked account among its
 * identities.
 */
class LinkedAccountsTest extends RunningApp {

    private static final String ROWS =
            "SELECT concat_ws(' ', id, name, to_char(deleted_at AT TIME ZONE 'UTC', 'HH24:MI:SS')) FROM neon_auth.users_sync ORDER BY id COLLATE \"C\"";

    LinkedAccountsTest() {
        settings.setProperty("auth0.webhook.secret", "token-of-the-stream");
        settings.setProperty("auth0.id.prefix", "a0:");
        settings.setProperty("auth0.inactive", "deleted");
    }

    @BeforeEach
    void twoAccounts() throws Exception {
        database.execute("TRUNCATE neon_auth.users_sync, users_sync_internal.dead_letter");
        send("created", "auth0|ada", 1, "2026-11-20T01:00:00.000Z", "auth0|ada");
        send("created", "google-oauth2|ada", 2, "2026-11-20T02:00:00.000Z", "google-oauth2|ada");
        assertRows("a0:auth0|ada auth0|ada", "a0:google-oauth2|ada google-oauth2|ada");
    }

    /** The event's own time is 50 ms later than the change. */
    private void send(String type, String id, int hour, String created, String... identities) throws Exception {
        String links = Stream.of(identities)
                .map(identity -> "{\"provider\": \"%s\", \"user_id\": \"%s\", \"isSocial\": false}"
                        .formatted((Object[]) identity.split("\\|", 2)))
                .collect(Collectors.joining(","));
        String body = """
                {"specversion": "1.0", "type": "user.%s", "id": "evt_1", "time": "2026-11-20T%02d:00:00.050Z", "data": {"object": {
                  "user_id": "%s", "name": "%3$s", "created_at": "%s", "updated_at": "%s", "identities": [%s]}}}""".formatted(
                        type,
                        hour,
                        id,
                        created,
                        type.equals("created") ? created : "2026-11-20T%02d:00:00.000Z".formatted(hour),
                        links);
        assertEquals(
                204,
                new Delivery(context.getComponent("verify", VerifyComponent.class)
                                .scheme("auth0")
                                .sign(body.getBytes()))
                        .post(webhooks("auth0"))
                        .statusCode());
        assertEquals(List.of(), database.column("SELECT reason FROM users_sync_internal.dead_letter"));
    }

    private void update(String id, int hour, String... identities) throws Exception {
        send("updated", id, hour, "2026-11-20T01:00:00.000Z", identities);
    }

    private void assertRows(String... rows) {
        assertEquals(List.of(rows), database.column(ROWS));
    }

    private void linked() throws Exception {
        update("auth0|ada", 4, "auth0|ada", "google-oauth2|ada", "samlp|orchard-idp|ada");
        assertRows(
                "a0:auth0|ada auth0|ada",
                "a0:google-oauth2|ada google-oauth2|ada 04:00:00"); // and no tombstone of the third account
    }

    @Test
    void aLinkedAccountIsDeletedOnce() throws Exception {
        linked();
        update("auth0|ada", 5, "auth0|ada", "google-oauth2|ada", "samlp|orchard-idp|ada"); // a sign-in
        update("google-oauth2|ada", 3, "google-oauth2|ada"); // late
        assertRows("a0:auth0|ada auth0|ada", "a0:google-oauth2|ada google-oauth2|ada 04:00:00");
    }

    @Test
    void theUserWithOneIdentityBringsItBack() throws Exception {
        linked();
        update("auth0|ada", 6, "auth0|ada");
        assertRows("a0:auth0|ada auth0|ada", "a0:google-oauth2|ada google-oauth2|ada");
        update("auth0|ada", 4, "auth0|ada", "google-oauth2|ada"); // late
        assertRows("a0:auth0|ada auth0|ada", "a0:google-oauth2|ada google-oauth2|ada");
        update("google-oauth2|ada", 5, "google-oauth2|ada"); // the row that it created earlier counts, too
        assertEquals(
                "2026-11-20 05:00:00+00",
                database.value(
                        "SELECT updated_at AT TIME ZONE 'UTC' || '+00' FROM neon_auth.users_sync WHERE id = 'a0:google-oauth2|ada'"));
        update("auth0|ada", 7, "auth0|ada", "google-oauth2|ada");
        assertRows("a0:auth0|ada auth0|ada", "a0:google-oauth2|ada google-oauth2|ada 07:00:00");
    }

    @Test
    void itsOwnCreationBringsItBackThoughItsTimeIsOld() throws Exception {
        linked();
        send("created", "google-oauth2|ada", 6, "2026-11-20T02:00:00.000Z", "google-oauth2|ada");
        assertRows("a0:auth0|ada auth0|ada", "a0:google-oauth2|ada google-oauth2|ada");
    }

    @Test
    void itsOwnUpdateBringsItBack() throws Exception {
        linked();
        update("google-oauth2|ada", 6, "google-oauth2|ada");
        assertRows("a0:auth0|ada auth0|ada", "a0:google-oauth2|ada google-oauth2|ada");
    }

    @Test
    void anAccountThatWasDeletedAfterItWasUnlinkedStaysDeleted() throws Exception {
        linked();
        update("auth0|ada", 6, "auth0|ada");
        send("deleted", "google-oauth2|ada", 8, "2026-11-20T02:00:00.000Z");
        update("auth0|ada", 9, "auth0|ada");
        assertRows("a0:auth0|ada auth0|ada", "a0:google-oauth2|ada google-oauth2|ada 08:00:00");
    }
}
