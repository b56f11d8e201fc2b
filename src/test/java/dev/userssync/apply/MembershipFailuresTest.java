package dev.userssync.apply;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.userssync.testing.Delivery;
import dev.userssync.testing.RunningApp;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The database refuses a membership: with its roles (Clerk), and with roles that the provider reports apart (Stack Auth). */
class MembershipFailuresTest extends RunningApp {

    private void failWrites(int times, String sqlState) {
        database.execute("""
                DROP SEQUENCE IF EXISTS membership_tries; CREATE SEQUENCE membership_tries;
                CREATE OR REPLACE FUNCTION membership_fails() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                  IF nextval('public.membership_tries') <= %d THEN
                    RAISE EXCEPTION 'made to fail' USING ERRCODE = '%s';
                  END IF;
                  RETURN NEW;
                END $$;
                CREATE TRIGGER fails BEFORE INSERT ON neon_auth.memberships_sync FOR EACH ROW EXECUTE FUNCTION membership_fails()""".formatted(times, sqlState));
    }

    @AfterEach
    void mend() {
        database.execute(
                "DROP TRIGGER IF EXISTS fails ON neon_auth.memberships_sync; DELETE FROM neon_auth.memberships_sync; DELETE FROM users_sync_internal.dead_letter");
    }

    private int deliver(String provider, String name) {
        try {
            return new Delivery(Files.readString(Path.of("src/test/resources", provider, name + ".json")))
                    .post(webhooks(provider))
                    .statusCode();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private String rows() {
        return database.value("SELECT (SELECT count(*) FROM neon_auth.memberships_sync) || ' rows, '"
                + " || (SELECT count(*) FROM users_sync_internal.dead_letter) || ' parked'");
    }

    @ParameterizedTest
    @CsvSource({"clerk, organizationMembership.created", "stack-auth, team_membership.created"})
    void aFailedMembershipIsRetriedOrParked(String provider, String name) {
        failWrites(1000, "42501"); // an operator must fix it
        assertEquals(503, deliver(provider, name));
        assertEquals("0 rows, 0 parked", rows());
        mend();
        failWrites(1000, "23514"); // this row will never fit
        assertEquals(204, deliver(provider, name));
        assertEquals("0 rows, 1 parked", rows());
        mend();
        failWrites(1, "40001"); // passes
        assertEquals(204, deliver(provider, name));
        assertEquals(204, deliver(provider, name));
        assertEquals("1 rows, 0 parked", rows());
    }
}
