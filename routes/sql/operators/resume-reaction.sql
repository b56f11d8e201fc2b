-- The time that a reaction was stopped does not count against its waiting changes.
WITH resumed AS (
  UPDATE users_sync_internal.reaction SET stopped = NULL WHERE name = :?name RETURNING name
), due AS (
  UPDATE users_sync_internal.reaction_retry AS retry SET attempts = 0, failed_at = NULL, next_at = '-infinity'
    FROM resumed
   WHERE retry.name = resumed.name AND NOT retry.dead
  RETURNING 1
)
SELECT name, (SELECT count(*) FROM due) AS changes FROM resumed
