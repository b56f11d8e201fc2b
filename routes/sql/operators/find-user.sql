SELECT asked.id, u.id IS NOT NULL AS present, u.name, u.email, u.created_at, u.updated_at, u.deleted_at, jsonb_pretty(u.raw_json) AS profile,
       t.at AS tombstone
  FROM (VALUES (CAST(:?id AS text))) AS asked (id)
  LEFT JOIN neon_auth.users_sync AS u ON u.id = asked.id
  LEFT JOIN users_sync_internal.tombstone AS t ON t.id = asked.id
