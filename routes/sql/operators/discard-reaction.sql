WITH discarded AS (
  DELETE FROM users_sync_internal.reaction_retry WHERE name = :?name AND dead RETURNING 1
)
SELECT name, (SELECT count(*) FROM discarded) AS changes FROM users_sync_internal.reaction WHERE name = :?name
