package dev.userssync.event;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.settings.Providers;
import dev.userssync.settings.StartupFailure;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.RunningApp;
import java.util.Arrays;
import java.util.Properties;
import org.apache.camel.impl.DefaultCamelContext;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Several providers in one table: each has its own ids, or the start reports that the ids could collide. */
class IdPrefixTest extends RunningApp {

    IdPrefixTest() {
        settings.remove("shared.ids");
        settings.setProperty("clerk.id.prefix", "clerk:");
        settings.setProperty("clerk-hr.id.prefix", "{{clerk.id.prefix}}");
        settings.setProperty("stack-auth.id.prefix", "stack:");
        settings.setProperty("generic.id.prefix", "g|'ü:");
    }

    @BeforeEach
    void clean() {
        database.execute("TRUNCATE neon_auth.users_sync, users_sync_internal.dead_letter");
    }

    @Test
    void theSameIdOfTwoProvidersIsTwoUsers() {
        String event = "{\"type\": \"user.created\", \"data\": {\"id\": \"u1\"}}";
        for (String provider : new String[] {"clerk", "generic", "stack-auth"}) {
            assertEquals(204, new Delivery(event).post(webhooks(provider)).statusCode());
        }
        assertEquals(
                "clerk:u1, g|'ü:u1, stack:u1",
                database.value("SELECT string_agg(id, ', ' ORDER BY id COLLATE \"C\") FROM neon_auth.users_sync"));
        assertEquals(
                "u1",
                database.value("SELECT DISTINCT raw_json ->> 'id' FROM neon_auth.users_sync"),
                "the profile is the provider's own");
        assertEquals(
                204,
                new Delivery(event.replace("created", "deleted"))
                        .post(webhooks("clerk"))
                        .statusCode());
        assertEquals("clerk:u1", database.value("SELECT id FROM neon_auth.users_sync WHERE deleted_at IS NOT NULL"));
    }

    /**
     * A delivery with several events parked one of them. The replay runs through the check that adds the prefix, and
     * adds it once.
     */
    @Test
    void anEventThatWasParkedAloneGetsItsPrefixOnce() throws Exception {
        database.execute("ALTER TABLE neon_auth.users_sync ADD CONSTRAINT no_u2 CHECK (id <> 'clerk:u2')");
        try {
            context.createFluentProducerTemplate()
                    .to("direct:user-changed")
                    .withVariable("provider", "clerk")
                    .withVariable("delivery", "all of it".getBytes())
                    .withBody(
                            JsonBody.MAPPER.readTree(
                                    "[{\"type\": \"created\", \"id\": \"u1\", \"raw\": {}}, {\"type\": \"created\", \"id\": \"u2\", \"raw\": {}}]"))
                    .send();
        } finally {
            database.execute("ALTER TABLE neon_auth.users_sync DROP CONSTRAINT no_u2");
        }
        assertEquals(
                "{\"tried\": 1, \"went_through\": 1, \"still_parked\": 0}\n",
                new Delivery("").post(management("/dead-letters/replay")).body());
        assertEquals(
                "clerk:u1, clerk:u2",
                database.value("SELECT string_agg(id, ', ' ORDER BY id) FROM neon_auth.users_sync"));
    }

    @Test
    void theWholeIdHasAtMost2600Bytes() {
        String event = "{\"type\": \"user.created\", \"data\": {\"id\": \"%s\"}}";
        assertEquals(
                204,
                new Delivery(event.formatted("x".repeat(2594)))
                        .post(webhooks("clerk"))
                        .statusCode());
        assertEquals(
                422,
                new Delivery(event.formatted("x".repeat(2595)))
                        .post(webhooks("clerk"))
                        .statusCode());
    }

    @Test
    void theSampleSenderFindsItsRow() {
        String report = new Delivery("").post(management("/sample/clerk")).body();
        assertTrue(report.contains("\"id\": \"clerk:sample_"), report);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            nullValues = "-",
            value = {
                "okta clerk | - | clerk and okta",
                "okta clerk | okta.id.prefix=o: | clerk and okta", // an empty prefix starts every id
                "okta clerk | okta.id.prefix=a: clerk.id.prefix=a:b | clerk and okta",
                "okta clerk | okta.id.prefix=a clerk.id.prefix=a | clerk and okta",
                "okta clerk | okta.id.prefix=a: clerk.id.prefix=b: | -",
                "okta clerk | shared.ids=true | -",
                "clerk | - | -",
                // one provider, two ways in
                "supabase supabase-hook | supabase-hook.id.prefix={{supabase.id.prefix}} | -",
                "generic generic-hr | - | generic and generic-hr", // your own file, for other users
                "generic generic-hr | generic.id.prefix=g: generic-hr.id.prefix=g:hr: | generic and generic-hr",
                "generic generic-hr | generic.id.prefix=generic: generic-hr.id.prefix=generic-hr: | -",
                "supabase-hook workos | - | supabase-hook and workos",
                "supabase supabase-hook workos | supabase.id.prefix=s: supabase-hook.id.prefix={{supabase.id.prefix}} workos.id.prefix=w: | -",
                "better-auth clerk stytch | better-auth.id.prefix=b: clerk.id.prefix=c: | better-auth, clerk and stytch",
            })
    void providersThatCouldClaimTheSameIdsStopTheStart(String on, String more, String who) throws Exception {
        Properties settings = new Properties();
        Arrays.stream(on.split(" ")).forEach(provider -> settings.setProperty(provider + ".webhook.secret", "s3cret"));
        if (more != null) {
            Arrays.stream(more.split(" "))
                    .forEach(setting -> settings.setProperty(setting.split("=")[0], setting.split("=")[1]));
        }
        try (DefaultCamelContext camel = new DefaultCamelContext()) {
            camel.getPropertiesComponent().setInitialProperties(settings);
            Providers providers = new Providers(camel);
            if (who == null) {
                assertDoesNotThrow(providers::check);
            } else {
                String message =
                        assertThrows(StartupFailure.class, providers::check).getMessage();
                assertTrue(message.startsWith(who + " could claim the same ids: set "), message);
            }
        }
    }

    /** If you follow the message, users-sync starts at once, with any number of providers. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "clerk generic | ",
                "clerk generic okta workos | ",
                "generic generic-hr | ",
                "clerk generic | clerk.id.prefix=c:",
                "clerk generic | clerk.id.prefix=a: generic.id.prefix=a:b",
                "supabase supabase-hook workos | supabase-hook.id.prefix={{supabase.id.prefix}}"
            })
    void theMessageIsRightWhenItIsFollowed(String on, String more) throws Exception {
        Properties settings = new Properties();
        Arrays.stream(on.split(" ")).forEach(provider -> settings.setProperty(provider + ".webhook.secret", "s3cret"));
        Arrays.stream(more == null ? new String[0] : more.split(" "))
                .forEach(setting -> settings.setProperty(setting.split("=")[0], setting.split("=")[1]));
        try (DefaultCamelContext camel = new DefaultCamelContext()) {
            camel.getPropertiesComponent().setInitialProperties(settings);
            String message = assertThrows(StartupFailure.class, new Providers(camel)::check)
                    .getMessage();
            java.util.regex.Matcher told = java.util.regex.Pattern.compile("(\\w+)_ID_PREFIX=([\\w-]+:)")
                    .matcher(message);
            while (told.find()) {
                camel.getPropertiesComponent()
                        .addOverrideProperty(
                                told.group(1).toLowerCase().replace('_', '-') + ".id.prefix", told.group(2));
            }
            assertDoesNotThrow(new Providers(camel)::check, message);
        }
    }

    @Test
    void theReconcileOfSupabaseKnowsTheUsersOfItsHook() throws Exception {
        Properties settings = new Properties();
        for (String setting :
                new String[] {"supabase.webhook.secret", "supabase-hook.webhook.secret", "clerk.api.key"}) {
            settings.setProperty(setting, "s3cret");
        }
        settings.setProperty("clerk.webhook.secret", "");
        settings.setProperty("supabase-hook.id.prefix", "{{supabase.id.prefix}}");
        try (DefaultCamelContext camel = new DefaultCamelContext()) {
            camel.getPropertiesComponent().setInitialProperties(settings);
            assertEquals(java.util.List.of("clerk"), new Providers(camel).othersThan("supabase"));
            assertEquals(java.util.List.of("clerk", "supabase", "supabase-hook"), new Providers(camel).withUsers());
        }
    }

    @Test
    void anErasedUserIsLookedForInTheLettersOfAllWhoShareThePrefix() {
        database.execute(
                "INSERT INTO neon_auth.users_sync (id) VALUES ('clerk:u_shared'); INSERT INTO users_sync_internal.dead_letter (provider, reason, body) SELECT p, 'a',"
                        + " convert_to('{\"data\": {\"id\": \"u_shared\"}}', 'UTF8') FROM unnest('{clerk,clerk-hr,generic}'::text[]) AS p");
        String proof = context.createFluentProducerTemplate()
                .to("direct:erase-user")
                .withHeader("id", "clerk:u_shared")
                .request(String.class);
        assertTrue(proof.contains("\"dead_letters_removed\": 2"), proof);
        assertEquals("generic", database.value("SELECT provider FROM users_sync_internal.dead_letter"));
    }

    /** docs/prefix-users.sql for Clerk, as psql sends it. */
    private static String prefixUsers() throws java.io.IOException {
        return java.nio.file.Files.readString(java.nio.file.Path.of("docs/prefix-users.sql"))
                .replace(":'prefix'", "'clerk:'");
    }

    @Test
    void usersWhoseIdsAreKeptElsewhereGetNoPrefix() throws Exception {
        for (String[] kept : new String[][] {
            {
                "INSERT INTO neon_auth.users_sync (id, raw_json) VALUES ('a1', '{\"id\": \"a1\", \"schemas\": [\"urn:ietf:params:scim:schemas:core:2.0:User\", \"urn:x\"]}')",
                "holds SCIM users"
            },
            {
                "INSERT INTO users_sync_internal.dead_letter (provider, reason, body, holds) VALUES ('clerk', 'a', '{\"id\": \"u1\"}', 'user event')",
                "hold user events with the old ids: replay or discard them"
            },
            {
                "INSERT INTO neon_auth.organizations_sync (id, raw_json) VALUES ('a1', '{\"id\": \"a1\", \"schemas\": [\"urn:ietf:params:scim:schemas:core:2.0:Group\"]}')",
                "holds SCIM groups"
            },
            {
                "INSERT INTO users_sync_internal.scim_client (name, organization_id, id_prefix) VALUES ('acme', 'org_acme', 'acme:')",
                "there are SCIM clients"
            }
        }) {
            database.execute("INSERT INTO neon_auth.users_sync (id) VALUES ('u1')");
            database.execute(kept[0]);
            Throwable refused = assertThrows(RuntimeException.class, () -> database.execute(prefixUsers()));
            assertTrue((refused + " " + refused.getCause()).contains(kept[1]), refused.toString());
            assertEquals("u1", database.value("SELECT id FROM neon_auth.users_sync WHERE id LIKE '%u1'"));
            database.execute(
                    "DELETE FROM neon_auth.users_sync; UPDATE users_sync_internal.dead_letter SET state = 'discarded';"
                            + " DELETE FROM neon_auth.organizations_sync; DELETE FROM users_sync_internal.scim_client");
        }
        database.execute(prefixUsers());
    }

    /** The ids after the script are those that the provider's events make with the prefix. */
    @Test
    void organizationsAndMembershipsGetThePrefix() throws Exception {
        String tables = "neon_auth.users_sync, neon_auth.organizations_sync, neon_auth.memberships_sync,"
                + " users_sync_internal.membership_roles, users_sync_internal.membership_scope, users_sync_internal.event_log";
        try {
            organizationEvents("generic");
            String truth = database.value(IDS.replace("{old}", "g|''ü:"));
            database.execute("TRUNCATE " + tables);
            organizationEvents("generic");
            // as if they had arrived without a prefix
            for (String column : new String[] {
                "organizations_sync.id",
                "organizations_sync.parent_id",
                "memberships_sync.id",
                "memberships_sync.organization_id",
                "memberships_sync.user_id"
            }) {
                String[] words = column.split("\\.");
                database.execute(
                        "SET users_sync.changes = off; UPDATE neon_auth.%s SET %s = replace(%2$s, 'g|''ü:', '')"
                                .formatted(words[0], words[1]));
            }
            for (String column : new String[] {"membership_roles.id", "membership_scope.id", "event_log.user_id"}) {
                String[] words = column.split("\\.");
                database.execute("UPDATE users_sync_internal.%s SET %s = replace(%2$s, 'g|''ü:', '')"
                        .formatted(words[0], words[1]));
            }
            database.execute(
                    "CREATE TABLE projects (organization_id TEXT REFERENCES neon_auth.organizations_sync (id), membership_id TEXT REFERENCES neon_auth.memberships_sync (id));"
                            + " INSERT INTO projects SELECT organization_id, id FROM neon_auth.memberships_sync WHERE organization_id = 'o1' AND user_id = 'u1';"
                            + " INSERT INTO users_sync_internal.organization_tombstone VALUES ('o9', now());"
                            + " INSERT INTO users_sync_internal.membership_tombstone VALUES ('o9:u9', now()), ('mem_9', now());"
                            + " INSERT INTO users_sync_internal.poll_state (provider, cursor) VALUES ('p:organizations', '{\"organization\": \"o1\", \"page\": {\"after\": [\"u1\"]}}'), ('p', '{\"organization\": \"kept\"}');"
                            + " INSERT INTO users_sync_internal.sweep_seen (provider, id) VALUES ('p:organizations', 'membership:'), ('p:organizations', 'membership:o%3A2:u1'), ('p:organizations', 'o1'), ('p:organizations', 'user:u1'), ('p:organizations', 'without:group'), ('p', 'membership:1')");
            for (int time = 0; time < 2; time++) {
                database.execute(prefixUsers());
                assertEquals(truth, database.value(IDS.replace("{old}", "clerk:")));
                assertEquals(
                        "clerk:o1 clerk:o1:clerk:u1 | clerk:o9 | clerk:mem_9 clerk:o9:clerk:u9 | {\"page\": {\"after\": [\"u1\"]}, \"organization\": \"clerk:o1\"} {\"organization\": \"kept\"}"
                                + " | clerk:membership:1 clerk:o1 membership: membership:clerk:o%3A2:clerk:u1 user:clerk:u1 without:group",
                        database.value(
                                "SELECT concat_ws(' | ', (SELECT organization_id || ' ' || membership_id FROM projects), (SELECT id FROM users_sync_internal.organization_tombstone),"
                                        + " (SELECT string_agg(id, ' ' ORDER BY id) FROM users_sync_internal.membership_tombstone),"
                                        + " (SELECT string_agg(cursor::text, ' ' ORDER BY provider DESC) FROM users_sync_internal.poll_state),"
                                        + " (SELECT string_agg(id, ' ' ORDER BY id COLLATE \"C\") FROM users_sync_internal.sweep_seen))"));
            }
        } finally {
            database.execute(
                    "DROP TABLE IF EXISTS projects; TRUNCATE " + tables
                            + ", users_sync_internal.organization_tombstone, users_sync_internal.membership_tombstone, users_sync_internal.poll_state, users_sync_internal.sweep_seen");
        }
    }

    /** Every id of organizations and memberships, with P in place of the prefix. */
    private static final String IDS =
            "SELECT replace(string_agg(id, E'\\n' ORDER BY id), '{old}', 'P') FROM (SELECT concat_ws(' ', id, parent_id) FROM neon_auth.organizations_sync"
                    + " UNION ALL SELECT concat_ws(' ', id, organization_id, user_id) FROM neon_auth.memberships_sync"
                    + " UNION ALL SELECT 'roles of ' || id FROM users_sync_internal.membership_roles UNION ALL SELECT owner || ' ' || id FROM users_sync_internal.membership_scope"
                    + " UNION ALL SELECT concat_ws(' ', 'history', entity, user_id) FROM users_sync_internal.event_log) AS ids (id)";

    private void organizationEvents(String provider) {
        for (String event : new String[] {
            "organization.created {\"id\": \"o1\"}",
            "organization.created {\"id\": \"g1\", \"kind\": \"group\", \"parent_id\": \"o1\"}",
            "membership.created {\"organization_id\": \"o1\", \"user_id\": \"u1\"}",
            "membership.created {\"id\": \"mem:1\", \"organization_id\": \"o1\", \"user_id\": \"u2\"}",
            "membership.created {\"organization_id\": \"o:2\", \"user_id\": \"u:1\"}",
            "membership.listed {\"organization_id\": \"g1\", \"members\": []}",
            "membership.updated {\"organization_id\": \"o7\", \"user_id\": \"u7\", \"role_given\": \"admin\"}",
            "user.created {\"id\": \"u1\"}"
        }) {
            String[] words = event.split(" ", 2);
            assertEquals(
                    204,
                    new Delivery("{\"type\": \"" + words[0] + "\", \"timestamp\": \"2026-01-01T00:00:00Z\", \"data\": "
                                    + words[1] + "}")
                            .post(webhooks(provider))
                            .statusCode(),
                    event);
        }
    }

    /** The documented way to a second provider: docs/prefix-users.sql. */
    @Test
    void aTableWithUsersAndForeignKeysGetsASecondProvider() throws Exception {
        database.execute(
                "INSERT INTO neon_auth.users_sync (id, name) SELECT 'user_' || i, 'name ' || i FROM generate_series(1, 1000) AS i");
        database.execute(
                "CREATE TABLE todos (id SERIAL PRIMARY KEY, user_id TEXT NOT NULL REFERENCES neon_auth.users_sync (id) ON DELETE CASCADE)");
        database.execute(
                "CREATE TABLE members (user_id TEXT PRIMARY KEY REFERENCES neon_auth.users_sync (id) ON UPDATE CASCADE ON DELETE CASCADE, name TEXT)");
        database.execute("CREATE TABLE notes (member TEXT REFERENCES members (user_id) ON UPDATE RESTRICT)");
        try {
            database.execute(
                    "INSERT INTO todos (user_id) SELECT id FROM neon_auth.users_sync; INSERT INTO members SELECT id, name FROM neon_auth.users_sync;"
                            + " INSERT INTO notes SELECT user_id FROM members; INSERT INTO notes VALUES (NULL)");
            String keys =
                    "SELECT string_agg(conname || pg_get_constraintdef(oid), ' ' ORDER BY conname) FROM pg_constraint WHERE contype = 'f' AND conrelid::regclass::text IN ('todos', 'members', 'notes')";
            String before = database.value(keys);
            for (int time = 0; time < 2; time++) { // the second run changes nothing
                database.execute(prefixUsers());
                assertEquals(
                        "1000 1000 1000 1001",
                        database.value(
                                "SELECT concat_ws(' ', (SELECT count(*) FROM neon_auth.users_sync WHERE id = 'clerk:user_' || substr(name, 6)),"
                                        + " (SELECT count(*) FROM todos JOIN neon_auth.users_sync u ON u.id = user_id AND u.name = 'name ' || todos.id),"
                                        + " (SELECT count(*) FROM members JOIN neon_auth.users_sync u ON u.id = user_id AND u.name = members.name), (SELECT count(*) FROM notes))"));
                assertEquals(before, database.value(keys));
            }
            for (String provider : new String[] {"clerk", "generic"}) {
                assertEquals(
                        204,
                        new Delivery("{\"type\": \"user.created\", \"data\": {\"id\": \"user_1\"}}")
                                .post(webhooks(provider))
                                .statusCode());
            }
            assertEquals(
                    "1001",
                    database.value("SELECT count(*) FROM neon_auth.users_sync"),
                    "the user of Clerk is the one that was there");
        } finally {
            database.execute("DROP TABLE notes, members, todos");
        }
    }
}
