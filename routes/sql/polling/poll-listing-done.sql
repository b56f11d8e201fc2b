-- After a page of the listing is in the table: marks its users as seen and moves the cursor, only for the lease's
-- holder. In the second look at the organizations of a provider (unit again), whoever is listed is no longer missing.
WITH id AS (
  SELECT DISTINCT value AS id FROM jsonb_array_elements_text(CAST(:?ids AS jsonb))
), fresh AS (
  SELECT id.id FROM id
   WHERE NOT EXISTS (SELECT FROM users_sync_internal.sweep_seen AS seen WHERE seen.provider = :?provider AND seen.id = id.id)
), change AS (
  -- pages overlap: nobody counts twice
  SELECT DISTINCT ON (id) change.*
    FROM jsonb_to_recordset(CAST(:?differences AS jsonb)) AS change (id text, kind text, wrong boolean, stamp text) JOIN fresh USING (id)
   ORDER BY id, kind
), undead AS (
  -- the results of asking the provider
  SELECT change.id FROM change JOIN neon_auth.users_sync u ON u.id = change.id WHERE change.kind = 'undead' AND u.deleted_at IS NULL
), known AS (
  -- A page by offset must start with a user of the page before. Otherwise rows have moved up, and some were skipped.
  SELECT CAST(:?retreat AS jsonb) IS NULL
         OR EXISTS (SELECT FROM users_sync_internal.sweep_seen WHERE provider = :?provider AND sweep_seen.id = :?firstId) AS follows
), step AS (
  SELECT follows,
         CASE WHEN CAST(:?restart AS boolean) THEN restarts >= 3
              ELSE CAST(:?more AS boolean) AND circling >= 5 AND :?unit = 'listing' AND NOT EXISTS (SELECT FROM fresh)
                   AND NOT CAST(:?inside AS boolean) END AS hopeless
    FROM known, users_sync_internal.poll_state
   WHERE provider = :?provider
), moved AS (
  UPDATE users_sync_internal.poll_state SET
    cursor   = CASE WHEN CAST(:?restart AS boolean) OR hopeless THEN NULL WHEN follows THEN CAST(:?next AS jsonb) ELSE CAST(:?retreat AS jsonb) END,
    phase    = CASE WHEN hopeless THEN NULL
                    WHEN CAST(:?more AS boolean) OR CAST(:?restart AS boolean) OR NOT follows THEN :?unit ELSE :?then END,
    -- a listing without an end stops until the next one is due
    listing_due = CASE WHEN hopeless THEN now() + make_interval(secs => CAST(:?reconcileSeconds AS double precision)) ELSE now() END,
    last_error = CASE WHEN hopeless THEN 'the listing comes to no end, its pages do not follow each other' ELSE last_error END,
    last_error_at = CASE WHEN hopeless THEN now() ELSE last_error_at END,
    restarts = restarts + CAST(CAST(:?restart AS boolean) AS integer),
    circling = CASE WHEN EXISTS (SELECT FROM fresh) OR CAST(:?restart AS boolean) THEN 0
                    WHEN CAST(:?inside AS boolean) THEN circling -- one of many lists, any of which may be empty
                    ELSE circling + 1 END,
    listing_failures = 0,
    total    = coalesce(CAST(:?total AS bigint), total),
    pages    = pages + 1,
    users    = CASE WHEN CAST(:?restart AS boolean) THEN 0 ELSE users + (SELECT count(*) FROM fresh) END,
    added    = added + (SELECT count(*) FROM change WHERE kind = 'added'),
    updated  = updated + (SELECT count(*) FROM change WHERE kind = 'updated' OR kind = 'newer' AND stamp IS NOT NULL) + (SELECT count(*) FROM undead),
    newer    = newer + (SELECT count(*) FROM change WHERE kind = 'newer' AND stamp IS NULL),
    deleted  = deleted + (SELECT count(*) FROM change WHERE kind = 'deleted'),
    repaired = repaired + CASE WHEN CAST(:?webhooks AS boolean) AND job <> 'backfill' THEN (SELECT count(*) FROM change WHERE wrong) + (SELECT count(*) FROM undead) ELSE 0 END,
    repaired_total = repaired_total
             + CASE WHEN CAST(:?webhooks AS boolean) AND job = 'reconcile' THEN (SELECT count(*) FROM change WHERE wrong) + (SELECT count(*) FROM undead) ELSE 0 END,
    pages_total = pages_total + 1,
    users_total = users_total + (SELECT count(*) FROM id),
    lease_until = now() + make_interval(secs => CAST(:?leaseSeconds AS double precision))
    FROM step
   WHERE provider = :?provider AND fence = CAST(:?fence AS bigint)
  RETURNING poll_state.*
), seen AS (
  INSERT INTO users_sync_internal.sweep_seen AS seen (provider, id, fate)
  SELECT moved.provider, id.id, CASE WHEN :?then = 'members' THEN 'unlisted' END FROM moved, id WHERE NOT CAST(:?restart AS boolean)
  ON CONFLICT (provider, id) DO UPDATE SET fate = NULL WHERE seen.fate = 'missing'
), without AS (
  INSERT INTO users_sync_internal.sweep_seen (provider, id) SELECT moved.provider, 'without:' || :?without FROM moved WHERE CAST(:?without AS text) IS NOT NULL
  ON CONFLICT DO NOTHING
), dated AS (
  -- by the provider's clock, as the versions of rows are
  UPDATE users_sync_internal.sweep_seen AS seen
     SET stamp = moved.started_at + (coalesce(CAST(:?stamp AS timestamptz), CAST(:?asked AS timestamptz)) - CAST(:?asked AS timestamptz))
    FROM moved
   WHERE moved.phase = 'ending' AND seen.provider = moved.provider AND seen.fate = 'missing' AND NOT EXISTS (SELECT FROM id WHERE id.id = seen.id)
), forgotten AS (
  DELETE FROM users_sync_internal.sweep_seen AS seen USING moved WHERE seen.provider = moved.provider AND CAST(:?restart AS boolean)
)
SELECT *, 1000 * extract(epoch FROM now() - started_at) AS job_millis FROM moved
