package dev.userssync.provider;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.userssync.testing.FakeApis;
import dev.userssync.testing.PolledApp;
import org.junit.jupiter.api.Test;

/**
 * BACKFILL_PROVIDER_WINS: the first backfill replaces the rows of a hand-written handler, although their times are
 * newer than the provider's.
 */
class ProviderWinsTest extends PolledApp {

    ProviderWinsTest() {
        super("clerk", FakeApis::clerk);
        settings.setProperty("backfill.provider-wins", "true");
    }

    @Test
    void onlyTheFirstBackfill() {
        for (String id : api.createMany("own_", 60)) {
            database.execute("INSERT INTO neon_auth.users_sync (id, raw_json, name, created_at, updated_at) VALUES ('"
                    + id + "', '{}', 'Old', now(), now())");
        }
        backfill();
        assertTableIsTrue();
        assertEquals("60 true", state("last_report ->> 'updated' || ' ' || (last_report ->> 'provider_wins')"));
        database.execute("UPDATE neon_auth.users_sync SET name = 'Mine', updated_at = now()");
        reconcile();
        assertEquals("60 false", state("last_report ->> 'newer' || ' ' || (last_report ->> 'provider_wins')"));
        assertEquals("60", database.value("SELECT count(*) FROM neon_auth.users_live WHERE name = 'Mine'"));
    }
}
