-- The conditions of the merge rule by name, for the statements in routes/sql. Each is one expression, IMMUTABLE and without SET, so that Postgres puts it
-- into the statement instead of calling it. Each is bound when it is created (RETURN), so that no search_path changes what it means.
-- The version of a profile is coalesce(updated_at, created_at); row_ marks what the row has.

-- Whether an arriving profile replaces that of the row: of one version the later arrival does, and one without a version does. A deletion has a profile
-- only if it has a version, too.
CREATE FUNCTION users_sync_internal.profile_wins(updated_at TIMESTAMPTZ, created_at TIMESTAMPTZ, deleted_at TIMESTAMPTZ,
    row_updated_at TIMESTAMPTZ, row_created_at TIMESTAMPTZ) RETURNS BOOLEAN
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN (deleted_at IS NULL OR coalesce(updated_at, created_at) IS NOT NULL)
         AND coalesce(updated_at, created_at, 'infinity') >= coalesce(row_updated_at, row_created_at, '-infinity');

-- The same for a profile that holds only parts of the user. Of one version the sequence decides, where the provider has one (Zitadel).
CREATE FUNCTION users_sync_internal.part_wins(updated_at TIMESTAMPTZ, created_at TIMESTAMPTZ, part JSONB,
    row_updated_at TIMESTAMPTZ, row_created_at TIMESTAMPTZ, row_profile JSONB) RETURNS BOOLEAN
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN (coalesce(updated_at, created_at, 'infinity'), coalesce(part -> 'sequence', '0'))
         >= (coalesce(row_updated_at, row_created_at, '-infinity'), coalesce(row_profile -> 'sequence', '0'));

-- Whether a deletion stands against the profile of the row: of one time it does.
CREATE FUNCTION users_sync_internal.deletion_wins(deleted_at TIMESTAMPTZ, row_updated_at TIMESTAMPTZ, row_created_at TIMESTAMPTZ) RETURNS BOOLEAN
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN deleted_at >= coalesce(row_updated_at, row_created_at, '-infinity');

-- Whether an upsert brings a deleted user back: only a newer one does.
CREATE FUNCTION users_sync_internal.revives(updated_at TIMESTAMPTZ, created_at TIMESTAMPTZ, row_deleted_at TIMESTAMPTZ) RETURNS BOOLEAN
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN coalesce(updated_at, created_at) > row_deleted_at;
