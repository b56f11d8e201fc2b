-- Writes what became of the changes of a page, unless another instance has taken the reaction. Postpones a failed one:
-- a second, then twice as long each time, at most five minutes. After retryHours it is dead.
WITH mine AS MATERIALIZED (
  SELECT name FROM users_sync_internal.reaction WHERE name = :?reaction AND fence = CAST(:?fence AS bigint) FOR UPDATE
), failed AS (
  SELECT * FROM jsonb_to_recordset(CAST(:?failed AS jsonb)) AS failed (seq bigint, entity text, id text, error text)
), moved AS (
  UPDATE users_sync_internal.reaction AS r SET
    seq         = greatest(r.seq, CAST(:?last AS bigint)),
    done_at     = CASE WHEN cardinality(CAST(:?done AS bigint[])) > 0 THEN now() ELSE r.done_at END,
    failed_at   = CASE WHEN EXISTS (SELECT FROM failed) THEN now() ELSE r.failed_at END,
    error       = coalesce((SELECT error FROM failed ORDER BY seq LIMIT 1), r.error),
    stopped     = coalesce(CAST(:?stopped AS text), r.stopped),
    lease_until = now() + make_interval(secs => CAST(:?leaseSeconds AS double precision))
    FROM mine WHERE r.name = mine.name
), done AS (
  DELETE FROM users_sync_internal.reaction_retry AS retry USING mine WHERE retry.name = mine.name AND retry.seq = ANY (CAST(:?done AS bigint[]))
), postponed AS (
  INSERT INTO users_sync_internal.reaction_retry AS retry (name, seq, entity, id, attempts, failed_at, next_at, error)
  SELECT mine.name, failed.seq, failed.entity, failed.id, 1, now(), now() + interval '1 second', failed.error
    FROM mine CROSS JOIN failed
  ON CONFLICT (name, seq) DO UPDATE SET
    attempts  = retry.attempts + 1,
    failed_at = coalesce(retry.failed_at, now()),
    next_at   = now() + least(power(2, least(retry.attempts, 20)), 300) * (0.8 + 0.4 * random()) * interval '1 second',
    error     = excluded.error,
    dead      = coalesce(retry.failed_at, now()) < now() - make_interval(hours => CAST(:?retryHours AS integer))
), waiting AS (
  INSERT INTO users_sync_internal.reaction_retry (name, seq, entity, id)
  SELECT mine.name, later.seq, later.entity, later.id
    FROM mine CROSS JOIN jsonb_to_recordset(CAST(:?waiting AS jsonb)) AS later (seq bigint, entity text, id text)
  ON CONFLICT (name, seq) DO NOTHING
)
SELECT count(*) AS mine FROM mine
