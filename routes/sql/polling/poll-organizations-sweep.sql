-- All organizations and memberships are listed. Organizations that are not in the listing, and memberships that are not in the list of their organization,
-- may be gone, unless something has changed them since. A backfill only counts them. The brake holds both back if either are suspiciously many.
WITH state AS (
  SELECT * FROM users_sync_internal.poll_state WHERE provider = :?provider AND fence = CAST(:?fence AS bigint) FOR UPDATE
), ours AS (
  SELECT o.id, coalesce(o.updated_at, o.created_at, '-infinity') AS version
    FROM state, neon_auth.organizations_sync AS o
   WHERE o.deleted_at IS NULL
     AND o.kind = ANY (string_to_array(:?kinds, ','))
     AND NOT EXISTS (SELECT FROM users_sync_internal.sweep_seen AS seen WHERE seen.provider = state.provider AND seen.id = 'without:' || o.kind)
     AND starts_with(o.id, :?prefix)
     -- the longest prefix decides the provider, as for users
     AND NOT EXISTS (SELECT FROM jsonb_array_elements_text(CAST(:?otherPrefixes AS jsonb)) AS other (prefix)
                      WHERE starts_with(o.id, other.prefix) AND length(other.prefix) >= length(:?prefix))
     AND users_sync_internal.scim_client_of(o.id) IS NULL
     -- users-sync scim-client add has written it
     AND NOT EXISTS (SELECT FROM users_sync_internal.scim_client AS c
                      WHERE c.organization_id = o.id AND o.raw_json = jsonb_build_object('id', o.id, 'name', o.name))
), missing AS (
  SELECT ours.id FROM ours, state
   WHERE ours.version < state.started_at
     AND NOT EXISTS (SELECT FROM users_sync_internal.sweep_seen AS seen WHERE seen.provider = state.provider AND seen.id = ours.id)
), listed AS (
  SELECT seen.id, seen.stamp FROM state JOIN users_sync_internal.sweep_seen AS seen ON seen.provider = state.provider AND seen.fate = 'listed' AND seen.id <> 'membership:'
   UNION ALL
  -- all memberships were listed at once
  SELECT seen.id, whole.stamp
    FROM state
    JOIN users_sync_internal.sweep_seen AS whole ON whole.provider = state.provider AND whole.id = 'membership:'
    JOIN users_sync_internal.sweep_seen AS seen ON seen.provider = state.provider AND seen.fate = 'unlisted'
), members AS (
  SELECT m.id, m.organization_id,
         coalesce(m.updated_at, m.created_at, '-infinity') < listed.stamp
           AND NOT EXISTS (SELECT FROM users_sync_internal.sweep_seen AS seen WHERE seen.provider = state.provider AND seen.id = 'membership:' || m.id) AS gone
    FROM state, listed JOIN neon_auth.memberships_sync AS m ON m.organization_id = listed.id AND m.deleted_at IS NULL
   WHERE users_sync_internal.scim_client_of(m.user_id) IS NULL -- no provider lists those whom a SCIM client pushes
), leaver AS (
  -- Where members are users: those whose membership an earlier listing ended, or whose organization it deleted, and whom this one lacks, too.
  SELECT u.id, ended.at
    FROM state, neon_auth.memberships_sync AS m
    JOIN neon_auth.users_sync AS u ON u.id = m.id AND u.deleted_at IS NULL
    LEFT JOIN neon_auth.organizations_sync AS o ON o.id = m.organization_id
   CROSS JOIN LATERAL (SELECT greatest(m.deleted_at, o.deleted_at) AS at) AS ended
   WHERE :?membersAreUsers = 'true' AND m.user_id = m.id AND starts_with(m.id, :?prefix)
     AND coalesce(u.updated_at, u.created_at, '-infinity') <= ended.at
     AND ended.at < state.started_at - make_interval(secs => CAST(:?againSeconds AS double precision))
     AND CASE WHEN o.deleted_at IS NULL THEN EXISTS (SELECT FROM listed WHERE listed.id = m.organization_id)
              ELSE NOT EXISTS (SELECT FROM users_sync_internal.sweep_seen AS seen WHERE seen.provider = state.provider AND seen.id = o.id) END
     AND NOT EXISTS (SELECT FROM users_sync_internal.sweep_seen AS seen WHERE seen.provider = state.provider AND seen.id = 'membership:' || m.id)
), counted AS (
  SELECT state.*,
         (SELECT count(*) FROM leaver) AS leaving,
         (SELECT count(*) FROM missing) AS absent,
         (SELECT count(*) FROM ours) AS owned,
         (SELECT count(*) FROM users_sync_internal.sweep_seen AS seen WHERE seen.provider = state.provider AND seen.fate IN ('unlisted', 'listed', 'gone')
                                                                        AND seen.id <> 'membership:') AS shown,
         (SELECT count(*) FROM members WHERE gone) AS ending,
         (SELECT count(*) FROM members) AS kept,
         (SELECT count(DISTINCT organization_id) FROM members) AS owners,
         EXISTS (SELECT FROM users_sync_internal.sweep_seen AS seen WHERE seen.provider = state.provider AND seen.id > 'membership:' AND seen.id < 'membership;') AS anybody
    FROM state
), verdict AS (
  SELECT provider, absent, ending, leaving,
         CASE WHEN job = 'backfill' OR absent + ending + leaving = 0 THEN NULL
              WHEN absent > 0 AND shown = 0 THEN 'the listing of organizations was empty'
              WHEN absent > CAST(:?maxDeletes AS bigint) THEN absent || ' organizations are missing, more than ' || :?maxDeletes
              -- a percentage is meaningless for a handful
              WHEN absent > 5 AND absent * 100 > CAST(:?maxShare AS numeric) * owned
              THEN absent || ' of ' || owned || ' organizations are missing, more than ' || :?maxShare || ' %'
              -- one group may become empty; all of them at once is a fault of the listing
              WHEN ending > 0 AND owners > 1 AND NOT anybody THEN 'the lists of members were all empty'
              WHEN ending > CAST(:?maxDeletes AS bigint) THEN ending || ' memberships are missing, more than ' || :?maxDeletes
              WHEN ending > 5 AND ending * 100 > CAST(:?maxShare AS numeric) * kept
              THEN ending || ' of ' || kept || ' memberships are missing, more than ' || :?maxShare || ' %'
              WHEN leaving > CAST(:?maxDeletes AS bigint) THEN leaving || ' users are missing, more than ' || :?maxDeletes
              WHEN leaving > 5 AND leaving * 100 > CAST(:?maxShare AS numeric) * (kept + leaving)
              THEN leaving || ' of ' || kept + leaving || ' users are missing, more than ' || :?maxShare || ' %'
              END AS doubt
    FROM counted
), whole AS (
  UPDATE users_sync_internal.sweep_seen AS seen SET fate = 'listed', stamp = listed.stamp
    FROM state, listed WHERE seen.provider = state.provider AND seen.id = listed.id AND seen.fate = 'unlisted'
), noted AS (
  INSERT INTO users_sync_internal.sweep_seen (provider, id, fate, missed_at)
  SELECT state.provider, missing.id, 'missing', now() FROM state, missing WHERE state.job <> 'backfill'
), left_for_good AS (
  INSERT INTO users_sync_internal.sweep_seen (provider, id, fate, stamp)
  SELECT state.provider, 'user:' || leaver.id, 'leaver', leaver.at FROM state, leaver WHERE state.job <> 'backfill'
)
UPDATE users_sync_internal.poll_state AS p SET
  phase         = CASE WHEN doubt IS NOT NULL AND p.job <> 'dry-run' THEN 'held' WHEN absent > 0 AND p.job = 'reconcile' THEN 'again' ELSE 'ending' END,
  cursor        = NULL,
  listing_due   = CASE WHEN doubt IS NOT NULL AND p.job <> 'dry-run' THEN p.started_at + make_interval(secs => CAST(:?reconcileSeconds AS double precision))
                       WHEN absent > 0 AND p.job = 'reconcile' THEN now() + make_interval(secs => CAST(:?againSeconds AS double precision))
                       ELSE now() END,
  deleted       = CASE WHEN p.job = 'dry-run' AND doubt IS NULL THEN deleted + absent + ending + leaving ELSE deleted END,
  held_because  = doubt,
  held_since    = CASE WHEN p.job = 'dry-run' THEN p.held_since WHEN doubt IS NOT NULL THEN coalesce(p.held_since, now()) END,
  missing       = absent + ending + leaving,
  backfilled_at = CASE WHEN p.job = 'dry-run' THEN p.backfilled_at ELSE coalesce(p.backfilled_at, now()) END,
  reconciled_at = CASE WHEN p.job = 'dry-run' THEN p.reconciled_at ELSE now() END
  FROM verdict
 WHERE p.provider = verdict.provider
RETURNING p.*
