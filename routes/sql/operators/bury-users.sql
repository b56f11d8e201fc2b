-- Writes tombstones for the next hundred users deleted before the holdback. afterTime and afterId end the batch before.
WITH doomed AS (
  SELECT id, deleted_at
    FROM neon_auth.users_sync
   WHERE deleted_at < now() - make_interval(days => CAST(:?days AS integer))
     AND (deleted_at, id) > (CAST(:?afterTime AS timestamptz), CAST(:?afterId AS text))
   ORDER BY deleted_at, id
   LIMIT 100
),
buried AS (
  INSERT INTO users_sync_internal.tombstone AS t (id, at)
  SELECT id, deleted_at FROM doomed
  ON CONFLICT (id) DO UPDATE SET at = greatest(t.at, excluded.at)
)
SELECT CAST(max(deleted_at) AS text) AS "afterTime", (array_agg(id ORDER BY deleted_at DESC, id DESC))[1] AS "afterId",
       CAST(array_agg(id) AS text) AS ids
  FROM doomed
