WITH counted AS (
  SELECT users_sync_internal.scim_client_of(u.id) AS name, count(*) AS users
    FROM neon_auth.users_sync AS u
   WHERE u.raw_json @> '{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"]}' AND u.deleted_at IS NULL
   GROUP BY 1
)
SELECT c.name, c.organization_id AS organization, c.id_prefix, coalesce(counted.users, 0) AS live_users, c.created_at, c.removed_at,
       (SELECT max(t.used_at) FROM users_sync_internal.scim_token AS t WHERE t.client = c.name) AS last_used_at, -- to the hour
       CAST(coalesce((SELECT jsonb_agg(jsonb_build_object('created_at', t.created_at, 'ends_at', t.ends_at) ORDER BY t.created_at)
                        FROM users_sync_internal.scim_token AS t
                       WHERE t.client = c.name AND coalesce(t.ends_at > now(), true)), '[]') AS text) AS tokens
  FROM users_sync_internal.scim_client AS c
  LEFT JOIN counted ON counted.name = c.name
 ORDER BY c.name
