-- Takes, keeps or returns the lease on a provider's poller, and returns the next unit of work. unit is null if nothing
-- is due or another instance has the lease. idle_millis: nothing will be due before this.
WITH first_look AS (
  INSERT INTO users_sync_internal.poll_state (provider) VALUES (:?provider) ON CONFLICT DO NOTHING
), look AS (
  SELECT *,
         fence = CAST(:?fence AS bigint) AS ours,
         -- a shorter interval takes effect at once
         CASE WHEN CAST(:?changes AS boolean)
              THEN least(changes_due, now() + make_interval(secs => CAST(:?pollSeconds AS double precision))) END AS changes_next,
         least(listing_due, now() + make_interval(secs => CAST(:?reconcileSeconds AS double precision))) AS listing_next,
         (SELECT min(next_look) FROM users_sync_internal.user_to_ask AS ask WHERE ask.provider = poll_state.provider) AS ask_next
    FROM users_sync_internal.poll_state
   WHERE provider = :?provider
     FOR UPDATE
), choice AS (
  SELECT *,
         CASE WHEN lease_until > now() AND NOT ours OR wait_until > now() THEN NULL
              WHEN changes_next <= now() THEN 'changes'
              WHEN ask_next <= now() THEN 'asking'
              WHEN listing_next > now() THEN NULL
              WHEN phase IS NULL OR phase = 'held' THEN 'begin'
              ELSE phase END AS unit
    FROM look
), taken AS (
  UPDATE users_sync_internal.poll_state AS p SET
    fence       = CASE WHEN ours THEN p.fence ELSE p.fence + 1 END,
    lease_owner = CASE WHEN unit IS NOT NULL THEN :?owner END,
    lease_until = CASE WHEN unit IS NOT NULL THEN now() + make_interval(secs => CAST(:?leaseSeconds AS double precision)) ELSE '-infinity' END,
    polled_by   = CASE WHEN unit IS NOT NULL THEN :?owner ELSE p.polled_by END,
    -- Live users of this provider before its first poll, except a few whom webhooks just delivered. Only a sample is
    -- checked. A change without a provider is somebody else's.
    adopted     = coalesce(p.adopted, (
      SELECT count(*) = 1000 OR coalesce(bool_or(unknown), false)
        FROM (SELECT NOT EXISTS (SELECT FROM users_sync_internal.event_log AS l WHERE l.user_id = u.id AND l.decision = 'applied' AND l.provider IS NOT NULL) AS unknown
                FROM (SELECT u.id FROM neon_auth.users_sync AS u
                       WHERE u.deleted_at IS NULL AND starts_with(u.id, :?prefix)
                         AND NOT EXISTS (SELECT FROM jsonb_array_elements_text(CAST(:?otherPrefixes AS jsonb)) AS other (prefix)
                                          WHERE starts_with(u.id, other.prefix) AND length(other.prefix) >= length(:?prefix))
                         AND (NOT EXISTS (SELECT FROM users_sync_internal.scim_client) OR users_sync_internal.scim_client_of(u.id) IS NULL)
                       LIMIT 1000) AS u) AS sample)),
    job         = CASE WHEN unit <> 'begin' THEN p.job
                       WHEN p.requested = 'provider-wins' THEN 'reconcile'
                       WHEN p.requested IS NOT NULL THEN p.requested
                       WHEN p.backfilled_at IS NULL THEN 'backfill' ELSE 'reconcile' END,
    provider_wins = CASE WHEN unit <> 'begin' THEN p.provider_wins
                         ELSE coalesce(p.requested = 'provider-wins',
                                       p.backfilled_at IS NULL AND p.listed_before IS NULL AND CAST(:?backfillProviderWins AS boolean)) END,
    phase        = CASE WHEN unit = 'begin' THEN 'listing' ELSE p.phase END,
    requested    = CASE WHEN unit = 'begin' THEN NULL ELSE p.requested END,
    cursor       = CASE WHEN unit = 'begin' THEN NULL ELSE p.cursor END,
    started_at   = CASE WHEN unit = 'begin' THEN now() ELSE p.started_at END,
    held_because = CASE WHEN unit = 'begin' THEN NULL ELSE p.held_because END,
    total        = CASE WHEN unit = 'begin' THEN NULL ELSE p.total END,
    circling     = CASE WHEN unit = 'begin' THEN 0 ELSE p.circling END,
    restarts     = CASE WHEN unit = 'begin' THEN 0 ELSE p.restarts END,
    pages        = CASE WHEN unit = 'begin' THEN 0 ELSE p.pages END,
    users        = CASE WHEN unit = 'begin' THEN 0 ELSE p.users END,
    added        = CASE WHEN unit = 'begin' THEN 0 ELSE p.added END,
    updated      = CASE WHEN unit = 'begin' THEN 0 ELSE p.updated END,
    deleted      = CASE WHEN unit = 'begin' THEN 0 ELSE p.deleted END,
    repaired     = CASE WHEN unit = 'begin' THEN 0 ELSE p.repaired END,
    newer        = CASE WHEN unit = 'begin' THEN 0 ELSE p.newer END,
    missing      = CASE WHEN unit = 'begin' THEN 0 ELSE p.missing END,
    unknown      = CASE WHEN unit = 'begin' THEN 0 ELSE p.unknown END
    FROM choice
   WHERE p.provider = choice.provider AND (unit IS NOT NULL OR ours)
  RETURNING p.fence, p.job, p.cursor, p.changes_cursor
), forgotten AS (
  DELETE FROM users_sync_internal.sweep_seen AS seen USING choice WHERE seen.provider = choice.provider AND unit = 'begin'
)
SELECT CASE WHEN unit = 'begin' THEN 'listing' ELSE unit END AS unit,
       taken.fence,
       taken.job,
       CASE unit WHEN 'changes' THEN changes_failures WHEN 'asking' THEN 0 ELSE listing_failures END AS failures,
       CAST(CASE WHEN unit = 'changes' THEN taken.changes_cursor ELSE taken.cursor END AS text) AS cursor,
       CAST(1000 * extract(epoch FROM changes_from - interval '1 hour') AS bigint) AS since,
       to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS asked,
       CASE WHEN unit IS NULL
            THEN 1000 * extract(epoch FROM greatest(wait_until, CASE WHEN NOT ours THEN lease_until END, least(changes_next, ask_next, listing_next)) - now())
            END AS idle_millis,
       ask_next IS NOT NULL AS to_ask
  FROM choice LEFT JOIN taken ON true
