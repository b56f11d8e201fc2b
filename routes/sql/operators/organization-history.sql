SELECT at, entity, user_id AS id, provider, type, decision, version, row_version, row_deleted
  FROM users_sync_internal.event_log
 WHERE entity = 'organization' AND user_id = :?id
    OR entity = 'membership' AND user_id IN (SELECT m.id FROM neon_auth.memberships_sync AS m WHERE m.organization_id = :?id LIMIT 1000)
 ORDER BY at DESC
 LIMIT 100
