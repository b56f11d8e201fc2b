-- The dead changes of a reaction, or one change that it has read, wait for another attempt.
WITH chosen AS MATERIALIZED (
  SELECT r.name, retry.seq, retry.entity, retry.id
    FROM users_sync_internal.reaction AS r JOIN users_sync_internal.reaction_retry AS retry USING (name)
   WHERE name = :?name AND retry.dead AND CAST(:?seq AS bigint) IS NULL
  UNION ALL
  SELECT r.name, log.seq, coalesce(log.entity, 'user'), log.user_id
    FROM users_sync_internal.reaction AS r JOIN users_sync_internal.event_log AS log ON log.seq <= r.seq
   WHERE r.name = :?name AND log.seq = CAST(:?seq AS bigint)
), replayed AS (
  INSERT INTO users_sync_internal.reaction_retry AS retry (name, seq, entity, id)
  SELECT name, seq, entity, id FROM chosen
  ON CONFLICT (name, seq) DO UPDATE SET attempts = 0, failed_at = NULL, next_at = '-infinity', dead = false
  RETURNING 1
)
SELECT name, (SELECT count(*) FROM replayed) AS changes FROM users_sync_internal.reaction WHERE name = :?name
