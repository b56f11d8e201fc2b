SELECT id
  FROM users_sync_internal.dead_letter
 WHERE state = 'parked'
   AND (CAST(:?provider AS text) IS NULL OR provider = CAST(:?provider AS text))
   AND (CAST(:?kind AS text) IS NULL OR coalesce(sql_state, 'none') = CAST(:?kind AS text))
 ORDER BY id
