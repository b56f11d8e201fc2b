-- At most a hundred, the live ones first.
SELECT m.id, m.organization_id, o.name, o.kind, m.role, array_to_string(m.roles, ', ') AS roles, m.deleted_at,
       CASE WHEN m.deleted_at IS NOT NULL THEN 'left' WHEN o.deleted_at IS NOT NULL THEN 'organization deleted' WHEN NOT m.active THEN 'not active' ELSE 'live' END AS state
  FROM neon_auth.memberships_sync AS m
  LEFT JOIN neon_auth.organizations_sync AS o ON o.id = m.organization_id
 WHERE m.user_id = :?id
 ORDER BY m.deleted_at NULLS FIRST, m.organization_id
 LIMIT 100
