SELECT name, behind, CAST(lag_seconds AS bigint) AS lag_seconds, waiting, dead, stopped, error, failed_at, done_at, worker
  FROM users_sync_internal.reaction_state
 ORDER BY name
