-- Sets the cursor of a reaction back, and forgets what became of the changes behind it. The other fence makes an
-- instance that is at work leave its results; its lease ends first, so that two never deliver at the same time.
WITH look AS MATERIALIZED (
  SELECT name, seq FROM users_sync_internal.reaction WHERE name = :?name FOR UPDATE
), target AS MATERIALIZED (
  SELECT min(log.seq) AS seq
    FROM look JOIN users_sync_internal.event_log AS log ON log.seq <= look.seq
   WHERE log.seq >= CAST(:?fromSeq AS bigint) OR log.at >= CAST(:?fromTime AS timestamptz)
), moved AS (
  UPDATE users_sync_internal.reaction AS r SET seq = target.seq - 1, fence = r.fence + 1
    FROM look CROSS JOIN target
   WHERE r.name = look.name AND target.seq IS NOT NULL
), forgotten AS (
  DELETE FROM users_sync_internal.reaction_retry AS retry USING look, target
   WHERE retry.name = look.name AND retry.seq >= target.seq
)
SELECT look.name, (SELECT count(*) FROM users_sync_internal.event_log AS log WHERE log.seq BETWEEN target.seq AND look.seq) AS changes
  FROM look CROSS JOIN target
