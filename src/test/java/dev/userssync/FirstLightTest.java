package dev.userssync;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class FirstLightTest extends RunningApp {

    @Test
    void aSignedDeliveryBecomesARow() {
        int status = new Delivery("""
                {"type": "user.created", "timestamp": "2026-01-01T00:00:00Z",
                 "data": {"id": "u1", "name": "Ada", "email": "ada@example.com", "created_at": "2026-01-01T00:00:00Z"}}
                """).post(webhooks("generic")).statusCode();
        assertEquals(204, status);
        assertEquals("Ada", database.value("SELECT name FROM neon_auth.users_sync WHERE id = 'u1'"));
    }
}
