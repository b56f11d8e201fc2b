-- The events of a page about organizations and memberships that would change a table; the others need not be written. The form of the answer, and its
-- kinds, are those of poll-page-differs.sql.
-- A row that is deleted and that the listing shows is live again: the event gets the time of the request, if it has no later one.
-- Also renews the lease. Returns nothing if the lease was lost.
WITH held AS (
  UPDATE users_sync_internal.poll_state
     SET lease_until = now() + make_interval(secs => CAST(:?leaseSeconds AS double precision))
   WHERE provider = :?provider AND fence = CAST(:?fence AS bigint)
  RETURNING CAST(:?asked AS timestamptz) - interval '5 minutes' AS settled, -- the webhook of a newer change may still be on its way
            CASE WHEN :?unit <> 'changes' THEN started_at + (coalesce(CAST(:?stamp AS timestamptz), CAST(:?asked AS timestamptz)) - CAST(:?asked AS timestamptz)) END AS began,
            provider_wins
), event AS (
  SELECT *, coalesce(updated_at, created_at) AS version,
         CASE WHEN jsonb_typeof(roles) = 'array' THEN ARRAY(SELECT jsonb_array_elements_text(roles)) END AS names
    FROM jsonb_to_recordset(CAST(:?entities AS jsonb))
         AS event (n integer, entity text, type text, id text, raw jsonb, kind text, name text, slug text, parent_id text, older_fields text,
                   organization_id text, user_id text, role text, roles jsonb, active boolean, roles_apart boolean,
                   created_at timestamptz, updated_at timestamptz, deleted_at timestamptz)
), compared AS (
  SELECT event.n, event.entity, event.type, event.id, event.version, event.created_at, event.deleted_at,
         o.id IS NOT NULL AS known, o.created_at AS row_created_at, coalesce(o.updated_at, o.created_at) AS row_version, o.deleted_at AS row_deleted_at,
         (event.raw, coalesce(event.kind, 'organization')) IS DISTINCT FROM (o.raw_json, o.kind)
           OR (event.name IS DISTINCT FROM o.name AND CAST(event.older_fields AS jsonb) -> 'name' IS NULL)
           OR (event.slug IS DISTINCT FROM o.slug AND CAST(event.older_fields AS jsonb) -> 'slug' IS NULL)
           OR (event.parent_id IS DISTINCT FROM o.parent_id AND CAST(event.older_fields AS jsonb) -> 'parent_id' IS NULL) AS differs,
         t.at AS buried
    FROM event
    LEFT JOIN neon_auth.organizations_sync AS o ON o.id = event.id
    LEFT JOIN users_sync_internal.organization_tombstone AS t ON t.id = event.id
   WHERE event.entity = 'organization'
   UNION ALL
  SELECT event.n, event.entity, event.type, event.id, event.version, event.created_at, event.deleted_at,
         m.id IS NOT NULL, m.created_at, coalesce(m.updated_at, m.created_at), m.deleted_at,
         event.raw IS DISTINCT FROM m.raw_json
           OR event.names IS NOT NULL AND (event.names, event.role) IS DISTINCT FROM (m.roles, m.role)
           OR coalesce(event.active, m.active) IS DISTINCT FROM m.active
           OR m.organization_id IS NULL OR m.user_id IS NULL,
         greatest(t.at, -- of its user or organization
                  CASE WHEN users_sync_internal.has_no_owner(event.id, event.organization_id, event.user_id, coalesce(event.version, event.deleted_at))
                       THEN coalesce(event.version, event.deleted_at) END)
    FROM event
    LEFT JOIN neon_auth.memberships_sync AS m ON m.id = event.id
    LEFT JOIN users_sync_internal.membership_tombstone AS t ON t.id = event.id
   WHERE event.entity = 'membership'
), difference AS (
  SELECT compared.*,
         CASE WHEN type = 'deleted' THEN CASE WHEN row_deleted_at IS NULL THEN 'deleted' ELSE 'stale' END
              WHEN NOT known THEN 'added'
              WHEN row_deleted_at IS NULL AND version < row_version AND row_version < held.began AND differs THEN 'newer'
              WHEN version < row_version AND row_deleted_at IS NULL THEN 'stale'
              ELSE 'updated' END AS kind,
         held.settled,
         CASE WHEN :?unit <> 'changes' AND row_deleted_at < held.began AND (version > row_deleted_at) IS NOT TRUE
                OR held.provider_wins AND row_deleted_at IS NULL AND version < row_version AND row_version < held.began
              THEN to_char(held.began AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END AS stamp
    FROM held CROSS JOIN compared
   WHERE CASE WHEN type = 'deleted' THEN row_deleted_at IS NULL OR compared.deleted_at > row_deleted_at
              ELSE NOT known OR row_deleted_at IS NOT NULL OR differs OR coalesce(created_at, row_created_at) IS DISTINCT FROM row_created_at END
     -- What the page shows beside its own rows only fills a gap.
     AND (:?unit = 'changes' OR entity = :?lists OR NOT known)
     -- Every poll of a feed repeats its last minute: what is older than the row or its deletion was seen before.
     AND (:?unit = 'changes' AND CASE WHEN type = 'deleted' THEN compared.deleted_at < row_version
                                      ELSE row_deleted_at IS NOT NULL AND (version > row_deleted_at) IS NOT TRUE
                                           OR version < row_version AND row_created_at IS NOT NULL END) IS NOT TRUE
     AND (NOT known AND buried >= coalesce(version, compared.deleted_at, '-infinity')) IS NOT TRUE
)
SELECT CAST(coalesce(jsonb_agg(jsonb_build_object('n', n, 'id', difference.id, 'kind', kind, 'wrong',
         CASE kind WHEN 'stale' THEN false
                   WHEN 'newer' THEN false
                   WHEN 'deleted' THEN deleted_at < settled
                   WHEN 'added' THEN coalesce(created_at, version) < settled
                   -- a version that is the time of our own request does not show the age of a change
                   ELSE differs AND (version < settled OR version >= CAST(:?stamp AS timestamptz)) END,
         'apply', CASE kind WHEN 'newer' THEN stamp IS NOT NULL ELSE true END,
         'stamp', stamp) ORDER BY n), '[]') AS text) AS changes
  FROM difference
