WITH done AS MATERIALIZED (
  SELECT * FROM users_sync_internal.purge_users(CAST(:?ids AS text[]))
)
SELECT purged + CAST(:?purged AS bigint) AS purged, kept + CAST(:?kept AS bigint) AS kept
  FROM done
 WHERE users_sync_internal.remove_memberships(CAST(:?ids AS text[])) >= 0 -- after the purge of the batch, see FROM
