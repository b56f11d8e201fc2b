-- The live members first, in the order of their ids, after the id of the page before.
SELECT m.id, m.user_id, u.name, u.email, m.role, array_to_string(m.roles, ', ') AS roles,
       CASE WHEN m.deleted_at IS NOT NULL THEN 'left' WHEN u.deleted_at IS NOT NULL THEN 'user deleted' WHEN NOT m.active THEN 'not active' ELSE 'live' END AS state
  FROM neon_auth.memberships_sync AS m
  LEFT JOIN neon_auth.users_sync AS u ON u.id = m.user_id
 WHERE m.organization_id = :?id AND m.user_id > coalesce(CAST(:?after AS text), '')
 ORDER BY m.user_id, m.deleted_at NULLS FIRST
 LIMIT 51
