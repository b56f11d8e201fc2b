package dev.userssync.database;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.userssync.bench.Deliveries;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.DeliveryStream;
import dev.userssync.testing.RunningApp;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/**
 * users-sync adopts the table of docs/partitioned-users-sync.sql at the first start, and writes to it as to any other.
 */
class PartitionedTableTest extends RunningApp {

    PartitionedTableTest() throws IOException {
        database.execute(Files.readString(Path.of("docs/partitioned-users-sync.sql")));
    }

    @Test
    void everyEventFindsItsPartition() throws Exception {
        DeliveryStream stream = new DeliveryStream(16, version -> version % 200);
        try (DeliveryStream.Deliveries deliveries = stream.new Deliveries(webhooks("generic"))) {
            deliveries.await("204", 1000);
            deliveries.close();
            assertEquals(Set.of("204"), deliveries.replies.keySet());
        }
        assertEquals(Map.of(), stream.lost(database.column(DeliveryStream.ROWS)));
        assertEquals("200", database.value("SELECT count(*) FROM neon_auth.users_live"));
        assertEquals("t", database.value("SELECT count(DISTINCT tableoid) > 50 FROM neon_auth.users_sync"));
    }

    @Test
    void foreignKeysDeletionErasureAndHousekeepingWork() {
        new Delivery("{\"type\": \"user.created\", \"data\": {\"id\": \"gone\", \"name\": \"Jane\"}}")
                .post(webhooks("generic"));
        database.execute(
                "CREATE TABLE todos (task text, user_id text REFERENCES neon_auth.users_sync (id) ON DELETE CASCADE); INSERT INTO todos VALUES ('t', 'gone')");
        new Delivery(
                        "{\"type\": \"user.deleted\", \"timestamp\": \"2026-01-02T00:00:00Z\", \"data\": {\"id\": \"gone\"}}")
                .post(webhooks("generic"));
        assertEquals("0", database.value("SELECT count(*) FROM neon_auth.users_live WHERE id = 'gone'"));
        assertEquals("1", database.value("SELECT count(*) FROM todos"));
        assertEquals(
                "0",
                database.value(
                        "SELECT users_sync_internal.erase_user('gone', 'gone', 'generic', false) ->> 'rows_left'"));
        assertEquals("0", database.value("SELECT count(*) FROM todos"));
    }
}
