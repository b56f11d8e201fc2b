-- A repeated delivery adds an attempt, not a row. From a poll, the same user counts as repeated, and the newer body
-- stays.
WITH again AS (
  UPDATE users_sync_internal.dead_letter AS letter
     SET attempts = letter.attempts + 1, body = CAST(:?body AS bytea), reason = :?reason, sql_state = :?sqlState, last_failed_at = now(),
         holds = coalesce(CAST(:?holds AS text), 'delivery')
   WHERE provider = :?provider AND polled = CAST(:?polled AS text) AND state = 'parked'
  RETURNING id
)
INSERT INTO users_sync_internal.dead_letter AS letter (provider, body, reason, sql_state, holds, polled)
SELECT :?provider, CAST(:?body AS bytea), :?reason, :?sqlState, coalesce(CAST(:?holds AS text), 'delivery'), CAST(:?polled AS text)
 WHERE NOT EXISTS (SELECT FROM again)
ON CONFLICT (provider, sha256(body)) WHERE state = 'parked' DO UPDATE
   SET attempts = letter.attempts + 1, reason = excluded.reason, sql_state = excluded.sql_state, last_failed_at = now()
