-- After a page of the feed of changed organizations is in the tables: ends the memberships that the complete list of one organization lacks, and moves the
-- cursor, only for the holder of the lease. More missing memberships than the brake allows in one reading of the feed stay: the reconcile finds and holds them.
-- While a listing is under way, the feed leaves it two seconds between two pages.
WITH held AS (
  SELECT *, coalesce(CAST(changes_cursor ->> 'ended' AS bigint), 0) AS before
    FROM users_sync_internal.poll_state WHERE provider = :?provider AND fence = CAST(:?fence AS bigint) FOR UPDATE
), list AS (
  SELECT :?prefix || (whole ->> 'organization') AS id, CAST(whole ->> 'at' AS timestamptz) AS at,
         ARRAY(SELECT :?prefix || value FROM jsonb_array_elements_text(whole -> 'users')) AS users
    FROM held, CAST(:?complete AS jsonb) AS whole
   WHERE whole IS NOT NULL
), member AS (
  SELECT m.id, NOT EXISTS (SELECT FROM unnest(list.users) AS listed (id) WHERE listed.id = m.user_id) AS gone,
         coalesce(m.updated_at, m.created_at, '-infinity') < list.at AND users_sync_internal.scim_client_of(m.user_id) IS NULL AS older
    FROM list JOIN neon_auth.memberships_sync AS m ON m.organization_id = list.id AND m.deleted_at IS NULL
), verdict AS (
  SELECT held.before + count(member.id) FILTER (WHERE gone AND older) AS ending, count(member.id) FILTER (WHERE gone AND older) AS missing
    FROM held LEFT JOIN member ON true GROUP BY held.before
), ended AS MATERIALIZED (
  SELECT unnest(users_sync_internal.list_memberships('organization', list.id, ARRAY(SELECT member.id FROM member WHERE NOT gone), list.at)) AS id
    FROM list, verdict
   WHERE verdict.ending <= CAST(:?maxDeletes AS bigint) AND set_config('users_sync.provider', split_part(:?provider, ':', 1), true) IS NOT NULL
)
UPDATE users_sync_internal.poll_state AS p SET
  changes_cursor   = CAST(:?next AS jsonb) || CASE WHEN CAST(:?more AS boolean) THEN jsonb_build_object('ended', held.before + (SELECT count(*) FROM ended)) ELSE '{}' END,
  changes_due      = CASE WHEN NOT CAST(:?more AS boolean) THEN CAST(:?asked AS timestamptz) + make_interval(secs => CAST(:?pollSeconds AS double precision))
                          WHEN p.listing_due <= now() THEN now() + interval '2 seconds' ELSE now() END,
  changes_at       = CASE WHEN CAST(:?more AS boolean) THEN p.changes_at ELSE CAST(:?asked AS timestamptz) END,
  changes_failures = 0,
  -- while the brake holds, the table may be wrong
  last_success_at  = CASE WHEN CAST(:?more AS boolean) OR p.held_since IS NOT NULL THEN p.last_success_at ELSE now() END,
  pages_total      = p.pages_total + 1,
  users_total      = p.users_total + (SELECT count(DISTINCT value) FROM jsonb_array_elements_text(CAST(:?ids AS jsonb))),
  lease_until      = now() + make_interval(secs => CAST(:?leaseSeconds AS double precision))
  FROM held, verdict
 WHERE p.provider = held.provider
RETURNING p.*, CASE WHEN verdict.ending > CAST(:?maxDeletes AS bigint) THEN verdict.missing ELSE 0 END AS too_many
