SELECT at, provider, type, decision, version, row_version, row_deleted, delivery
  FROM users_sync_internal.event_log
 WHERE user_id = :?id AND entity IS NULL
 ORDER BY at DESC
 LIMIT 100
