WITH due AS (
  UPDATE users_sync_internal.reaction_retry SET next_at = '-infinity' WHERE name = :?name AND NOT dead RETURNING 1
)
SELECT name, (SELECT count(*) FROM due) AS changes FROM users_sync_internal.reaction WHERE name = :?name
