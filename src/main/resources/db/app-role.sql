-- The rights of the role with which users-sync runs. It reads and writes its rows, and cannot create, alter or drop
-- anything.
-- Run it as the owner of the tables, after the first `users-sync migrate` and after each upgrade.
GRANT USAGE ON SCHEMA neon_auth, users_sync_internal TO "${role}";
GRANT SELECT, INSERT, UPDATE, DELETE ON neon_auth.users_sync, neon_auth.organizations_sync, neon_auth.memberships_sync
  TO "${role}"; -- DELETE: erase and purge
GRANT SELECT, INSERT, UPDATE, DELETE ON users_sync_internal.dead_letter, users_sync_internal.sweep_seen, users_sync_internal.activity,
  users_sync_internal.user_to_ask, users_sync_internal.membership_roles, users_sync_internal.membership_scope, users_sync_internal.scim_token,
  users_sync_internal.reaction, users_sync_internal.reaction_retry TO "${role}";
GRANT SELECT, INSERT, UPDATE ON users_sync_internal.poll_state, users_sync_internal.tombstone, users_sync_internal.organization_tombstone,
  users_sync_internal.membership_tombstone, users_sync_internal.scim_client TO "${role}";
GRANT SELECT ON neon_auth.organizations_live, neon_auth.memberships_live, neon_auth.user_changes,
  users_sync_internal.change_horizon, users_sync_internal.reaction_state TO "${role}"; -- for console, status and reactions
GRANT USAGE ON SEQUENCE users_sync_internal.change_seq TO "${role}"; -- erase
-- The merge rule. PUBLIC has this right, unless default privileges took it away.
GRANT EXECUTE ON FUNCTION users_sync_internal.profile_wins, users_sync_internal.part_wins, users_sync_internal.deletion_wins,
  users_sync_internal.revives, users_sync_internal.by_lists, users_sync_internal.lock_for_lists, users_sync_internal.list_memberships, users_sync_internal.state_roles,
  users_sync_internal.has_no_owner, users_sync_internal.has_no_parent, users_sync_internal.fills, users_sync_internal.older_fields, users_sync_internal.filled_fields,
  users_sync_internal.remove_memberships,
  users_sync_internal.purge_organizations, users_sync_internal.scim_client_of, users_sync_internal.prefixes_clash, users_sync_internal.add_scim_client,
  users_sync_internal.rotate_scim_client, users_sync_internal.remove_scim_client, users_sync_internal.advance_changes, users_sync_internal.erase TO "${role}";
GRANT SELECT, INSERT, DELETE ON users_sync_internal.event_log, users_sync_internal.delivery TO "${role}"; -- decisions are never rewritten
GRANT SELECT ON users_sync_internal.flyway_schema_history TO "${role}"; -- to check the version of the tables
