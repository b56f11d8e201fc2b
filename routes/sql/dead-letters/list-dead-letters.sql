SELECT id, provider, reason, sql_state, attempts, state, first_failed_at, last_failed_at, octet_length(body) AS bytes
  FROM users_sync_internal.dead_letter
 WHERE state = 'parked' AND (CAST(:?before AS bigint) IS NULL OR id < CAST(:?before AS bigint))
   AND (CAST(:?provider AS text) IS NULL OR provider = CAST(:?provider AS text))
 ORDER BY id DESC
 LIMIT 51
