WITH removed AS MATERIALIZED (
  SELECT users_sync_internal.remove_scim_client(:?name)
)
SELECT c.name, c.organization_id AS organization, c.id_prefix,
       (SELECT count(*) FROM neon_auth.users_sync AS u WHERE starts_with(u.id, c.id_prefix)) AS users,
       (SELECT count(*) FROM neon_auth.organizations_sync AS o WHERE starts_with(o.id, c.id_prefix)) AS groups
  FROM removed CROSS JOIN users_sync_internal.scim_client AS c
 WHERE c.name = :?name
