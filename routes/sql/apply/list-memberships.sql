-- Ends the memberships of an organization or user that its complete list lacks (V13__organizations.sql). A provider does
-- not know the members whom a SCIM client pushes into the same organization: they count as listed.
WITH ended AS MATERIALIZED (
  SELECT unnest(users_sync_internal.list_memberships(:?owner, :?id,
           CAST(:?ids AS text[]) || ARRAY(SELECT m.id FROM neon_auth.memberships_sync AS m
                                           WHERE EXISTS (SELECT FROM users_sync_internal.scim_client)
                                             AND :?owner = 'organization' AND m.organization_id = :?id
                                             AND users_sync_internal.scim_client_of(m.user_id) IS NOT NULL),
           CAST(:?at AS timestamptz))) AS id
), logged AS (
  INSERT INTO users_sync_internal.event_log (user_id, provider, type, decision, version, delivery, entity)
  SELECT id, :?provider, 'deleted', 'applied', CAST(:?at AS timestamptz) - interval '1 microsecond', :?delivery, 'membership'
    FROM ended
   WHERE CAST(:?log AS boolean)
)
SELECT count(*) AS ended FROM ended
