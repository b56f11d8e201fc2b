WITH removed AS (
  DELETE FROM users_sync_internal.reaction WHERE name = :?name AND lease_until <= now() RETURNING name
)
SELECT name, (SELECT count(*) FROM users_sync_internal.reaction_retry AS retry WHERE retry.name = removed.name) AS changes FROM removed
