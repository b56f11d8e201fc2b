INSERT INTO users_sync_internal.dead_letter AS letter (provider, body, reason, sql_state, holds)
VALUES (:?provider, :?body, :?reason, :?sqlState, coalesce(CAST(:?holds AS text), 'delivery'))
ON CONFLICT (provider, sha256(body)) WHERE state = 'parked' DO UPDATE
   SET attempts = letter.attempts + 1, reason = excluded.reason, sql_state = excluded.sql_state, last_failed_at = now()
