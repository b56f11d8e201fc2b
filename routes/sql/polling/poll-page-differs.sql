-- The user events of a page that would change the table; the others need not be written. A JSON array of {"n": place in
-- the page, "id": stored id, "user": the provider's id, "kind": "added" | "updated" | "deleted" | "stale" | "undead" |
-- "newer", "wrong": true | false, "apply": true | false, "stamp": version to apply it with}.
-- wrong: the row differs from data so old at the provider that a webhook should have delivered it.
-- undead: the row is deleted, the listing shows the user, and no version restores it: ask the provider for this user.
-- newer: the row differs and was newer than the provider's data before the job began. It has times of its own, because
-- no webhook explains it.
-- stamp: in a job where the provider wins, the start of the job by the provider's clock. It beats the row, and loses
-- against later webhooks.
-- Also renews the lease. Returns nothing if the lease was lost.
WITH held AS (
  UPDATE users_sync_internal.poll_state
     SET lease_until = now() + make_interval(secs => CAST(:?leaseSeconds AS double precision))
   WHERE provider = :?provider AND fence = CAST(:?fence AS bigint)
  RETURNING CAST(:?asked AS timestamptz) - interval '5 minutes' AS settled, -- the webhook of a newer change may still be on its way
            CASE WHEN :?unit = 'listing' THEN started_at + (coalesce(CAST(:?stamp AS timestamptz), CAST(:?asked AS timestamptz)) - CAST(:?asked AS timestamptz)) END AS began,
            provider_wins
), event AS (
  SELECT *, coalesce(updated_at, created_at) AS version
    FROM jsonb_to_recordset(CAST(:?events AS jsonb))
         AS event (n integer, type text, id text, raw jsonb, name text, email text,
                   created_at timestamptz, updated_at timestamptz, deleted_at timestamptz)
), difference AS (
  SELECT event.*,
         u.name AS old_name, u.email AS old_email, u.created_at AS old_created_at,
         CASE WHEN event.type = 'deleted' THEN CASE WHEN u.deleted_at IS NULL THEN 'deleted' ELSE 'stale' END
              WHEN u.id IS NULL THEN 'added'
              WHEN event.deleted_at IS NOT NULL THEN CASE WHEN u.deleted_at IS NULL THEN 'deleted' ELSE 'updated' END
              WHEN :?unit = 'listing' AND u.deleted_at IS NOT NULL AND (event.version > u.deleted_at) IS NOT TRUE THEN 'undead'
              WHEN u.deleted_at IS NULL AND event.version < coalesce(u.updated_at, u.created_at)
                   AND (coalesce(u.updated_at, u.created_at) < held.began OR coalesce(u.updated_at, u.created_at) > now() + interval '1 day')
                   AND ((event.raw, event.name, event.email) IS DISTINCT FROM (u.raw_json, u.name, u.email) OR event.created_at <> u.created_at) THEN 'newer'
              WHEN event.version < coalesce(u.updated_at, u.created_at) THEN 'stale'
              WHEN u.deleted_at IS NOT NULL AND (event.version > u.deleted_at) IS NOT TRUE THEN 'undead'
              ELSE 'updated' END AS kind,
         held.settled,
         CASE WHEN held.provider_wins AND coalesce(u.updated_at, u.created_at) < held.began
              THEN to_char(held.began AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END AS stamp
    FROM held CROSS JOIN event
    LEFT JOIN neon_auth.users_sync u ON u.id = event.id
   WHERE CASE WHEN event.type = 'deleted' THEN u.deleted_at IS NULL OR event.deleted_at > u.deleted_at
              -- inactive, dated with the time of our own request: once is enough
              WHEN event.deleted_at IS NOT NULL
              THEN u.deleted_at IS NULL OR event.version >= coalesce(u.updated_at, u.created_at)
                                           AND (event.raw, event.name, event.email) IS DISTINCT FROM (u.raw_json, u.name, u.email)
              ELSE u.id IS NULL OR u.deleted_at IS NOT NULL
                   OR (event.raw, event.name, event.email) IS DISTINCT FROM (u.raw_json, u.name, u.email)
                   OR coalesce(event.created_at, u.created_at) IS DISTINCT FROM u.created_at END
     -- Every poll of a feed repeats its last minute. An event older than the row, its deletion or its erasure was seen
     -- before: it causes no request and leaves no history.
     AND (:?unit = 'changes' AND CASE WHEN event.type = 'deleted' THEN event.deleted_at < coalesce(u.updated_at, u.created_at)
                                      ELSE u.deleted_at IS NOT NULL AND (event.version > u.deleted_at) IS NOT TRUE
                                           OR event.version < coalesce(u.updated_at, u.created_at) AND u.created_at IS NOT NULL END) IS NOT TRUE
     AND NOT (u.id IS NULL AND EXISTS (SELECT FROM users_sync_internal.tombstone AS t
                                        WHERE t.id = event.id AND t.at >= coalesce(event.version, event.deleted_at, '-infinity')))
)
SELECT CAST(coalesce(jsonb_agg(jsonb_build_object('n', n, 'id', difference.id, 'user', substr(difference.id, length(:?prefix) + 1), 'kind', kind, 'wrong',
         CASE kind WHEN 'stale' THEN false
                   WHEN 'newer' THEN false
                   WHEN 'undead' THEN false -- counted after the provider's answer
                   WHEN 'deleted' THEN deleted_at < settled
                   WHEN 'added' THEN coalesce(created_at, version) < settled
                   -- a version that is the time of our own request does not show the age of a change
                   ELSE (name, email) IS DISTINCT FROM (old_name, old_email)
                        AND (version < settled OR version >= CAST(:?stamp AS timestamptz)) END,
         'apply', CASE kind WHEN 'undead' THEN false WHEN 'newer' THEN stamp IS NOT NULL OR old_created_at IS NULL ELSE true END,
         'stamp', CASE kind WHEN 'newer' THEN stamp END) ORDER BY n), '[]') AS text) AS changes
  FROM difference
