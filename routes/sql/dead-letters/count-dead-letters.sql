SELECT provider, coalesce(sql_state, 'none') AS kind, count(*) AS parked
  FROM users_sync_internal.dead_letter
 WHERE state = 'parked'
 GROUP BY 1, 2
 ORDER BY 1, 2
