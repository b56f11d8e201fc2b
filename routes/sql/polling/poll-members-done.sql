-- After a page of memberships is in the table: marks them as seen and moves the cursor, only for the lease's holder. States again the roles of the
-- memberships that did not differ, where the provider reports roles apart: a role that was reported before this list no longer counts.
WITH event AS (
  SELECT * FROM jsonb_to_recordset(CAST(:?entities AS jsonb))
           AS event (n integer, id text, organization_id text, user_id text, roles jsonb, active boolean, roles_apart boolean, updated_at text)
), unchanged AS MATERIALIZED (
  SELECT event.*, users_sync_internal.lock_for_lists(organization_id, user_id)
    FROM event
   WHERE roles_apart AND roles IS NOT NULL
     AND NOT EXISTS (SELECT FROM jsonb_to_recordset(CAST(:?differences AS jsonb)) AS change (n integer) WHERE change.n = event.n)
), restated AS MATERIALIZED (
  SELECT users_sync_internal.state_roles(id, organization_id, user_id, ARRAY(SELECT jsonb_array_elements_text(roles)), NULL, NULL, active,
                                         CAST(updated_at AS timestamptz))
    FROM (SELECT * FROM unchanged ORDER BY id COLLATE "C") AS unchanged -- every writer locks in the same order
   WHERE :?job <> 'dry-run'
), id AS (
  SELECT DISTINCT 'membership:' || value AS id FROM jsonb_array_elements_text(CAST(:?ids AS jsonb))
), fresh AS (
  SELECT id.id FROM id
   WHERE NOT EXISTS (SELECT FROM users_sync_internal.sweep_seen AS seen WHERE seen.provider = :?provider AND seen.id = id.id)
), change AS (
  SELECT DISTINCT ON (id) change.*
    FROM jsonb_to_recordset(CAST(:?differences AS jsonb)) AS change (id text, kind text, wrong boolean, stamp text)
    JOIN fresh ON fresh.id = 'membership:' || change.id
   ORDER BY id, kind
), step AS (
  SELECT CAST(:?more AS boolean) AND circling >= 5 AND NOT EXISTS (SELECT FROM fresh) AS hopeless,
         coalesce(cursor ->> 'at', :?stamp) AS began,
         -- A page by offset must start with a membership of the page before. Otherwise rows have moved up, and some were skipped.
         CAST(:?retreat AS jsonb) IS NULL
           OR EXISTS (SELECT FROM users_sync_internal.sweep_seen AS seen WHERE seen.provider = :?provider AND seen.id = 'membership:' || :?firstId) AS follows
    FROM users_sync_internal.poll_state
   WHERE provider = :?provider
), moved AS (
  UPDATE users_sync_internal.poll_state SET
    cursor   = CASE WHEN (CAST(:?more AS boolean) OR NOT follows) AND NOT hopeless
                    THEN jsonb_build_object('organization', CAST(:?ownerId AS text), 'at', began,
                                            'page', CASE WHEN follows THEN CAST(:?next AS jsonb) ELSE CAST(:?retreat AS jsonb) END) END,
    phase    = CASE WHEN hopeless THEN NULL WHEN CAST(:?more AS boolean) OR NOT follows OR CAST(:?each AS boolean) THEN 'members' ELSE 'sweep' END,
    listing_due = CASE WHEN hopeless THEN now() + make_interval(secs => CAST(:?reconcileSeconds AS double precision)) ELSE now() END,
    last_error = CASE WHEN hopeless THEN 'the listing of memberships comes to no end, its pages do not follow each other' ELSE last_error END,
    last_error_at = CASE WHEN hopeless THEN now() ELSE last_error_at END,
    circling = CASE WHEN EXISTS (SELECT FROM fresh) OR NOT CAST(:?more AS boolean) THEN 0 ELSE circling + 1 END,
    listing_failures = 0,
    pages    = pages + 1,
    users    = users + (SELECT count(*) FROM fresh),
    added    = added + (SELECT count(*) FROM change WHERE kind = 'added'),
    updated  = updated + (SELECT count(*) FROM change WHERE kind = 'updated' OR kind = 'newer' AND stamp IS NOT NULL),
    newer    = newer + (SELECT count(*) FROM change WHERE kind = 'newer' AND stamp IS NULL),
    repaired = repaired + CASE WHEN CAST(:?webhooks AS boolean) AND job <> 'backfill' THEN (SELECT count(*) FROM change WHERE wrong) ELSE 0 END,
    repaired_total = repaired_total + CASE WHEN CAST(:?webhooks AS boolean) AND job = 'reconcile' THEN (SELECT count(*) FROM change WHERE wrong) ELSE 0 END,
    pages_total = pages_total + 1,
    users_total = users_total + (SELECT count(*) FROM id),
    lease_until = now() + make_interval(secs => CAST(:?leaseSeconds AS double precision))
    FROM step
   WHERE provider = :?provider AND fence = CAST(:?fence AS bigint)
  RETURNING poll_state.*, step.began
), seen AS (
  INSERT INTO users_sync_internal.sweep_seen (provider, id) SELECT moved.provider, id.id FROM moved, id ON CONFLICT DO NOTHING
), listed AS (
  -- The list is as old as its first page. Of a list of all memberships, one row keeps that time for the sweep.
  INSERT INTO users_sync_internal.sweep_seen AS seen (provider, id, fate, stamp)
  SELECT moved.provider, coalesce(CAST(:?ownerId AS text), 'membership:'), 'listed', CAST(moved.began AS timestamptz)
    FROM moved WHERE moved.cursor IS NULL AND moved.phase IS NOT NULL
  ON CONFLICT (provider, id) DO UPDATE SET fate = excluded.fate, stamp = excluded.stamp
)
SELECT *, 1000 * extract(epoch FROM now() - started_at) AS job_millis, (SELECT count(*) FROM restated) AS restated FROM moved
