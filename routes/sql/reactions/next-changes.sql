-- Takes, keeps or returns the lease on a reaction, and returns its next changes: those to retry that are due, else new
-- ones. A change waits while an earlier one of the same row is to be retried (waits). A thousand changes that wait hold
-- new ones up. Without a change there is one row without seq; wake_millis: nothing will be due before this.
-- A reaction starts with the changes after its first look.
-- A look that waited for a statement that moved the cursor does not see the retries of that statement: it takes nothing.
WITH horizon AS MATERIALIZED (
  SELECT seq FROM users_sync_internal.change_horizon
), first_look AS (
  INSERT INTO users_sync_internal.reaction (name, seq) SELECT :?reaction, seq FROM horizon ON CONFLICT DO NOTHING
), look AS MATERIALIZED (
  SELECT *, fence = CAST(:?fence AS bigint) AND lease_owner = :?owner AS ours FROM users_sync_internal.reaction WHERE name = :?reaction FOR UPDATE
), free AS MATERIALIZED (
  SELECT * FROM look
   WHERE (ours OR lease_until <= now()) AND seq = (SELECT r.seq FROM users_sync_internal.reaction AS r WHERE r.name = :?reaction)
), waiting AS MATERIALIZED (
  SELECT retry.seq, retry.entity, retry.id, max(retry.next_at) OVER (PARTITION BY retry.entity, retry.id ORDER BY retry.seq) AS due_at
    FROM users_sync_internal.reaction_retry AS retry JOIN free USING (name)
   WHERE NOT retry.dead AND free.stopped IS NULL
), due AS MATERIALIZED (
  SELECT log.*, false AS waits
    FROM (SELECT seq FROM waiting WHERE due_at <= now() ORDER BY seq LIMIT 100) AS retry JOIN users_sync_internal.event_log AS log USING (seq)
), fresh AS MATERIALIZED (
  SELECT log.*, EXISTS (SELECT FROM waiting WHERE waiting.entity = coalesce(log.entity, 'user') AND waiting.id = log.user_id) AS waits
    FROM free CROSS JOIN LATERAL (
      SELECT l.* FROM users_sync_internal.event_log AS l
       WHERE l.seq > free.seq AND l.seq <= (SELECT seq FROM horizon)
       ORDER BY l.seq LIMIT 100) AS log
   WHERE free.stopped IS NULL AND NOT EXISTS (SELECT FROM due) AND (SELECT count(*) FROM waiting) < 1000
), page AS MATERIALIZED (
  SELECT * FROM due UNION ALL SELECT * FROM fresh
), taken AS (
  UPDATE users_sync_internal.reaction AS r SET
    fence       = CASE WHEN free.ours THEN r.fence ELSE r.fence + 1 END,
    lease_owner = :?owner,
    lease_until = CASE WHEN EXISTS (SELECT FROM page) THEN now() + make_interval(secs => CAST(:?leaseSeconds AS double precision)) ELSE '-infinity' END
    FROM free
   WHERE r.name = free.name AND (free.ours OR EXISTS (SELECT FROM page))
  RETURNING r.fence
)
SELECT page.seq, page.waits, coalesce(page.entity, 'user') AS entity, page.user_id AS id, (SELECT fence FROM taken) AS fence,
       (SELECT CAST(1000 * extract(epoch FROM min(due_at) - now()) AS bigint) FROM waiting WHERE due_at > now()) AS wake_millis,
       CAST(jsonb_build_object('seq', page.seq, 'at', page.at, 'entity', coalesce(page.entity, 'user'), 'id', page.user_id, 'kind', page.kind,
         'columns', page.columns, 'version', page.version, 'provider', page.provider, 'initial', coalesce(page.initial, false),
         'row', CASE coalesce(page.entity, 'user')
                  WHEN 'user' THEN (SELECT to_jsonb(u) FROM neon_auth.users_sync AS u WHERE u.id = page.user_id)
                  WHEN 'organization' THEN (SELECT to_jsonb(o) FROM neon_auth.organizations_sync AS o WHERE o.id = page.user_id)
                  ELSE (SELECT to_jsonb(m) FROM neon_auth.memberships_sync AS m WHERE m.id = page.user_id) END) AS text) AS change
  FROM (VALUES (1)) AS one LEFT JOIN page ON true
 ORDER BY page.seq
