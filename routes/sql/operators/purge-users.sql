SELECT purged + CAST(:?purged AS bigint) AS purged, kept + CAST(:?kept AS bigint) AS kept
  FROM users_sync_internal.purge_users(CAST(:?ids AS text[]))
