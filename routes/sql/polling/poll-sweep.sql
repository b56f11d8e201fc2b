-- The listing is complete. Users of this provider who are not in it, and whom nothing changed since the job began, may
-- be gone. A backfill only counts them. A reconcile notes them as missing, and asks for each. The brake holds them back
-- if they are suspiciously many, or the first ones of a table that held users before the polling began.
WITH state AS (
  SELECT * FROM users_sync_internal.poll_state WHERE provider = :?provider AND fence = CAST(:?fence AS bigint) FOR UPDATE
), ours AS (
  SELECT u.id, coalesce(u.updated_at, u.created_at, '-infinity') AS version
    FROM state, neon_auth.users_sync u
   WHERE u.deleted_at IS NULL
     AND starts_with(u.id, :?prefix)
     -- the longest prefix decides the provider of a user; it cannot if two providers share the prefix
     AND NOT EXISTS (SELECT FROM jsonb_array_elements_text(CAST(:?otherPrefixes AS jsonb)) AS other (prefix)
                      WHERE starts_with(u.id, other.prefix) AND length(other.prefix) >= length(:?prefix))
     AND (coalesce(:?unlisted, '') = '' OR NOT starts_with(u.id, :?prefix || :?unlisted))
     AND (NOT EXISTS (SELECT FROM users_sync_internal.scim_client) OR users_sync_internal.scim_client_of(u.id) IS NULL)
), missing AS (
  SELECT ours.id FROM ours, state
   WHERE ours.version < state.started_at
     AND NOT EXISTS (SELECT FROM users_sync_internal.sweep_seen AS seen WHERE seen.provider = state.provider AND seen.id = ours.id)
), counted AS (
  SELECT state.*,
         (SELECT count(*) FROM missing) AS absent,
         (SELECT count(*) FROM ours) AS owned,
         (SELECT count(*) FROM users_sync_internal.sweep_seen AS seen WHERE seen.provider = state.provider) AS listed
    FROM state
), verdict AS (
  SELECT provider, absent, listed,
         CASE WHEN absent = 0 OR job = 'backfill' THEN NULL
              WHEN listed = 0 THEN 'the listing was empty'
              WHEN listed <= added AND owned > added THEN 'the listing showed none of the users of the table'
              WHEN absent > CAST(:?maxDeletes AS bigint)
              THEN absent || ' users are missing, more than ' || :?maxDeletes
              -- a percentage is meaningless for a handful
              WHEN absent > 5 AND absent * 100 > CAST(:?maxShare AS numeric) * owned
              THEN absent || ' of ' || owned || ' users are missing, more than ' || :?maxShare || ' %'
              WHEN listed_before - listed > 5 AND (listed_before - listed) * 100 > CAST(:?maxShare AS numeric) * listed_before
              THEN 'the listing shrank from ' || listed_before || ' to ' || listed || ' users'
              WHEN adopted
              THEN absent || CASE absent WHEN 1 THEN ' user is' ELSE ' users are' END
                   || ' missing, and the table held users before the polling began: the first deletion of such a table is yours to confirm'
              END AS doubt
    FROM counted
), noted AS (
  INSERT INTO users_sync_internal.sweep_seen (provider, id, fate)
  SELECT state.provider, missing.id, 'missing' FROM state, missing WHERE state.job <> 'backfill'
)
UPDATE users_sync_internal.poll_state AS p SET
  phase         = CASE WHEN doubt IS NULL OR p.job = 'dry-run' THEN 'proving' ELSE 'held' END,
  listing_due   = CASE WHEN doubt IS NULL OR p.job = 'dry-run' THEN now()
                       ELSE p.started_at + make_interval(secs => CAST(:?reconcileSeconds AS double precision)) END,
  held_because  = doubt,
  held_since    = CASE WHEN p.job = 'dry-run' THEN p.held_since WHEN doubt IS NOT NULL THEN coalesce(p.held_since, now()) END,
  missing       = absent,
  backfilled_at = CASE WHEN p.job = 'dry-run' THEN p.backfilled_at ELSE coalesce(p.backfilled_at, now()) END,
  reconciled_at = CASE WHEN p.job = 'dry-run' THEN p.reconciled_at ELSE now() END
  FROM verdict
 WHERE p.provider = verdict.provider
RETURNING p.*
