SELECT id, provider, reason, sql_state, attempts, state, first_failed_at, last_failed_at, octet_length(body) AS bytes, body
  FROM users_sync_internal.dead_letter
 WHERE id = CAST(:?letter AS bigint)
