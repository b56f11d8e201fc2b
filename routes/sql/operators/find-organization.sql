SELECT asked.id, o.id IS NOT NULL AS present, o.kind, o.name, o.slug, o.parent_id, o.created_at, o.updated_at, o.deleted_at,
       jsonb_pretty(o.raw_json) AS profile,
       (SELECT count(*) FROM neon_auth.memberships_live AS m WHERE m.organization_id = asked.id) AS members
  FROM (VALUES (CAST(:?id AS text))) AS asked (id)
  LEFT JOIN neon_auth.organizations_sync AS o ON o.id = asked.id
