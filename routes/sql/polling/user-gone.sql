-- The provider's API does not know a user (404). One 404 proves nothing: the user is noted, and the poller asks again.
-- verdict: ask (noted), deleted (the row is already deleted, nothing is written), nobody (a refresh of an unknown id).
-- A deleted row counts as live again if the event is newer.
WITH given AS (
  SELECT :?provider AS provider, :?prefix || :?userId AS id, coalesce(:?why, 'event') AS why, CAST(:?stamp AS timestamptz) AS stamp,
         CAST(:?toldAt AS timestamptz) AS told_at
), found AS (
  SELECT given.*, u.id IS NOT NULL AS known, u.deleted_at IS NOT NULL AND (given.told_at > u.deleted_at) IS NOT TRUE AS deleted
    FROM given LEFT JOIN neon_auth.users_sync AS u ON u.id = given.id
), verdict AS (
  SELECT *, CASE WHEN deleted THEN 'deleted' WHEN NOT known AND why = 'refresh' THEN 'nobody' ELSE 'ask' END AS verdict FROM found
), noted AS (
  INSERT INTO users_sync_internal.user_to_ask AS ask (provider, id, why, missed_at, stamp, next_look)
  SELECT provider, id, why, now(), stamp, now() + make_interval(secs => CAST(:?againSeconds AS double precision) / 12) FROM verdict WHERE verdict = 'ask'
  ON CONFLICT (provider, id) DO UPDATE SET
    -- an event after the first request restarts the schedule: a deletion with the old stamp would be stale
    noted_at  = CASE WHEN CAST(:?toldAt AS timestamptz) > ask.stamp THEN excluded.noted_at ELSE ask.noted_at END,
    missed_at = CASE WHEN CAST(:?toldAt AS timestamptz) > ask.stamp THEN excluded.missed_at ELSE coalesce(ask.missed_at, excluded.missed_at) END,
    stamp     = CASE WHEN CAST(:?toldAt AS timestamptz) > ask.stamp THEN excluded.stamp ELSE coalesce(ask.stamp, excluded.stamp) END,
    looks     = CASE WHEN CAST(:?toldAt AS timestamptz) > ask.stamp THEN 0 ELSE ask.looks END,
    next_look = CASE WHEN CAST(:?toldAt AS timestamptz) > ask.stamp THEN excluded.next_look ELSE ask.next_look END
)
SELECT verdict FROM verdict
