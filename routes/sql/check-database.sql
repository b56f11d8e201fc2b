-- The faults of the database for this role, one sentence each. blocks: no delivery can be applied until it is fixed.
WITH users_sync AS (
  SELECT c.oid, c.relrowsecurity FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'neon_auth' AND c.relname = 'users_sync'
), ours AS (
  SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS name,
         CASE WHEN n.nspname = 'neon_auth' THEN '{SELECT,INSERT,UPDATE,DELETE}'::text[] ELSE '{SELECT,INSERT}' END AS needed
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname = 'neon_auth' AND c.relkind IN ('r', 'p') AND c.relname IN ('users_sync', 'organizations_sync', 'memberships_sync')
      OR n.nspname = 'users_sync_internal' AND c.relkind IN ('r', 'p') AND c.relname NOT IN ('flyway_schema_history', 'change_horizon')
), lacking AS (
  SELECT name, string_agg(right_, ', ' ORDER BY array_position(needed, right_)) AS rights
    FROM ours, unnest(needed) AS right_
   WHERE NOT has_table_privilege(oid, right_)
   GROUP BY name
)
SELECT true AS blocks, 'read-only: Postgres accepts no writes' || CASE WHEN pg_is_in_recovery() THEN ' (a standby)' ELSE ' (default_transaction_read_only)' END
       || '; deliveries are answered 503 until it does' AS trouble
 WHERE current_setting('transaction_read_only') = 'on'
UNION ALL
SELECT true, format('the role %I may not %s %s: GRANT %s ON %s TO %I', current_user, rights, name, rights, name, current_user) FROM lacking
UNION ALL
SELECT true, format('the role %I may not run %s: GRANT EXECUTE ON FUNCTION %s TO %I', current_user, p.oid::regprocedure, p.oid::regprocedure, current_user)
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname = 'users_sync_internal' AND p.proname IN ('profile_wins', 'part_wins', 'deletion_wins', 'revives', 'by_lists', 'lock_for_lists', 'list_memberships', 'state_roles', 'has_no_owner', 'has_no_parent', 'fills', 'older_fields', 'filled_fields', 'remove_memberships', 'purge_organizations', 'scim_client_of', 'prefixes_clash', 'add_scim_client', 'rotate_scim_client', 'remove_scim_client', 'advance_changes', 'erase')
   AND NOT has_function_privilege(p.oid, 'EXECUTE')
UNION ALL
-- a policy for everything is no obstacle, unless another policy restricts it
SELECT true, format('row level security on neon_auth.users_sync applies to the role %I, which cannot see or write every user:'
         || ' CREATE POLICY users_sync ON neon_auth.users_sync TO %I USING (true) WITH CHECK (true)', current_user, current_user)
  FROM users_sync
 WHERE row_security_active(users_sync.oid)
   AND (NOT EXISTS (SELECT FROM pg_policy p
                     WHERE p.polrelid = users_sync.oid AND p.polpermissive AND p.polcmd = '*' AND pg_get_expr(p.polqual, p.polrelid) = 'true'
                       AND coalesce(pg_get_expr(p.polwithcheck, p.polrelid), 'true') = 'true'
                       AND EXISTS (SELECT FROM unnest(p.polroles) AS r WHERE r = 0 OR pg_has_role(r, 'USAGE')))
        OR EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = users_sync.oid AND NOT p.polpermissive))
UNION ALL
SELECT false, format('the column %I of neon_auth.users_sync is NOT NULL: every user without it is parked; ALTER TABLE neon_auth.users_sync ALTER COLUMN %I DROP NOT NULL',
         attname, attname) || CASE WHEN known THEN '' ELSE ', or give it a default' END
  FROM (SELECT a.*, a.attname IN ('raw_json', 'name', 'email', 'created_at', 'deleted_at', 'updated_at') AS known
          FROM pg_attribute a JOIN users_sync ON a.attrelid = users_sync.oid WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull AND a.attname <> 'id') AS a
 WHERE known OR NOT atthasdef AND attidentity = '' AND attgenerated = ''
UNION ALL
SELECT false, format('%s on neon_auth.users_sync is unique over %s: a user who has the same value as another one is parked, and providers reuse addresses; drop it',
         i.indexrelid::regclass, pg_get_indexdef(i.indexrelid))
  FROM pg_index i JOIN users_sync ON i.indrelid = users_sync.oid
 WHERE (i.indisunique OR i.indisexclusion)
   AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = users_sync.oid AND a.attname = 'id' AND a.attnum = ANY (i.indkey))
UNION ALL
SELECT false, 'the view neon_auth.users_live reads with the rights of its owner, so row level security on users_sync does not hold there: '
         || CASE WHEN CAST(current_setting('server_version_num') AS integer) < 150000 THEN 'Postgres 14 cannot do otherwise; grant SELECT on it to nobody who must not see every user'
                 ELSE 'ALTER VIEW neon_auth.users_live SET (security_invoker = true)' END
  FROM pg_class v JOIN pg_namespace n ON n.oid = v.relnamespace
 WHERE n.nspname = 'neon_auth' AND v.relname = 'users_live' AND v.relkind = 'v' AND NOT coalesce('security_invoker=true' = ANY (v.reloptions), false)
   AND (SELECT relrowsecurity OR CAST(current_setting('server_version_num') AS integer) < 150000 FROM users_sync)
UNION ALL
-- the caller of the view needs the right on the table; any column will do, because a narrow grant may be intended
SELECT false, format('%s may read neon_auth.users_live but not neon_auth.users_sync, and the view reads with the rights of its caller: GRANT SELECT ON neon_auth.users_sync TO %s',
         CASE WHEN reader.oid = 0 THEN 'every role' ELSE 'the role ' || reader.name END, reader.name)
  FROM pg_class v JOIN pg_namespace n ON n.oid = v.relnamespace
 CROSS JOIN LATERAL (SELECT DISTINCT a.grantee AS oid, CASE WHEN a.grantee = 0 THEN 'public' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS name
                       FROM aclexplode(v.relacl) AS a WHERE a.privilege_type = 'SELECT' AND a.grantee <> v.relowner) AS reader
 WHERE n.nspname = 'neon_auth' AND v.relname = 'users_live' AND v.relkind = 'v' AND 'security_invoker=true' = ANY (v.reloptions)
   AND NOT EXISTS (SELECT FROM users_sync
                    WHERE CASE WHEN reader.oid = 0 THEN has_any_column_privilege('public', users_sync.oid, 'SELECT')
                               ELSE has_any_column_privilege(reader.oid, users_sync.oid, 'SELECT') END)
