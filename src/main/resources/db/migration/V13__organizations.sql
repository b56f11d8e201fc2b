-- Organizations (or teams, tenants, groups) and memberships, beside the users. There are no foreign keys between the tables: events arrive in any order.
SET LOCAL client_min_messages = warning;

CREATE TABLE neon_auth.organizations_sync (
  id         TEXT PRIMARY KEY,
  raw_json   JSONB,
  kind       TEXT NOT NULL DEFAULT 'organization', -- organization, team or group
  name       TEXT,
  slug       TEXT,                                 -- never UNIQUE: a deleted organization frees its slug, and the next one may arrive first
  parent_id  TEXT,                                 -- of a team or group inside another one
  created_at TIMESTAMPTZ,
  deleted_at TIMESTAMPTZ,
  updated_at TIMESTAMPTZ,
  older_fields JSONB                               -- {"slug": time}: the fields that the newest event did not hold, and when one last did; null: it held all
);
CREATE INDEX organizations_sync_deleted_at_idx ON neon_auth.organizations_sync (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX organizations_sync_parent_id_idx ON neon_auth.organizations_sync (parent_id) WHERE parent_id IS NOT NULL;

CREATE TABLE neon_auth.memberships_sync (
  id              TEXT PRIMARY KEY,                -- the provider's own id, else <organization_id>:<user_id>
  organization_id TEXT,                            -- null only while no event has named it
  user_id         TEXT,
  raw_json        JSONB,
  role            TEXT,                            -- the provider's primary role, else the first of roles
  roles           TEXT[],                          -- keys, not display names; null: the provider has none
  active          BOOLEAN NOT NULL DEFAULT TRUE,   -- false: invited, pending, inactive or suspended
  created_at      TIMESTAMPTZ,
  deleted_at      TIMESTAMPTZ,
  updated_at      TIMESTAMPTZ
);
-- Not unique: a user who leaves and joins again gets a new id at some providers.
CREATE INDEX memberships_sync_user_id_idx ON neon_auth.memberships_sync (user_id);
CREATE INDEX memberships_sync_organization_id_idx ON neon_auth.memberships_sync (organization_id, user_id);
CREATE INDEX memberships_sync_deleted_at_idx ON neon_auth.memberships_sync (deleted_at) WHERE deleted_at IS NOT NULL;

COMMENT ON TABLE neon_auth.organizations_sync IS 'Organizations, teams and groups of the auth provider, kept by users-sync. Do not write here.';
COMMENT ON TABLE neon_auth.memberships_sync IS 'Who belongs to which organization, kept by users-sync. Do not write here. Read memberships_live.';

CREATE VIEW neon_auth.organizations_live AS
  SELECT id, raw_json, kind, name, slug, parent_id, created_at, deleted_at, updated_at
    FROM neon_auth.organizations_sync
   WHERE deleted_at IS NULL;

-- Providers report no deletion of the memberships of a deleted user or organization, nor of the groups inside one, so that the view must hide them. It asks
-- for a deletion, not for a live row: a membership that arrives before its user or organization is visible at once.
-- The condition on the parents names only o, so that Postgres tests it once for an organization, not for each of its members. UNION ends a circle of parents.
CREATE VIEW neon_auth.memberships_live AS
  SELECT m.id, m.organization_id, m.user_id, m.raw_json, m.role, m.roles, m.active, m.created_at, m.deleted_at, m.updated_at
    FROM neon_auth.memberships_sync AS m
   WHERE m.deleted_at IS NULL AND m.active AND m.organization_id IS NOT NULL AND m.user_id IS NOT NULL
     AND NOT EXISTS (SELECT FROM neon_auth.organizations_sync AS o
                      WHERE o.id = m.organization_id
                        AND (o.deleted_at IS NOT NULL
                             OR o.parent_id IS NOT NULL AND EXISTS (
                               WITH RECURSIVE above (parent_id, deleted_at) AS (
                                 SELECT p.parent_id, p.deleted_at FROM neon_auth.organizations_sync AS p WHERE p.id = o.parent_id
                                  UNION
                                 SELECT p.parent_id, p.deleted_at FROM above JOIN neon_auth.organizations_sync AS p ON p.id = above.parent_id)
                               SELECT FROM above WHERE above.deleted_at IS NOT NULL)))
     AND NOT EXISTS (SELECT FROM neon_auth.users_sync AS u WHERE u.id = m.user_id AND u.deleted_at IS NOT NULL);

-- As with users_live: row level security holds for the caller. Postgres 14 cannot.
DO $$
BEGIN
  IF CAST(current_setting('server_version_num') AS integer) >= 150000 THEN
    ALTER VIEW neon_auth.organizations_live SET (security_invoker = true);
    ALTER VIEW neon_auth.memberships_live SET (security_invoker = true);
  END IF;
END $$;

-- Rows that were purged: only a newer event restores one.
CREATE TABLE users_sync_internal.organization_tombstone (id TEXT PRIMARY KEY, at TIMESTAMPTZ NOT NULL);
CREATE TABLE users_sync_internal.membership_tombstone (id TEXT PRIMARY KEY, at TIMESTAMPTZ NOT NULL);

-- When the complete memberships of an organization or a user were last stated. A membership that is older and was not among them had ended by then.
CREATE TABLE users_sync_internal.membership_scope (
  owner TEXT NOT NULL CHECK (owner IN ('organization', 'user')),
  id    TEXT NOT NULL,
  at    TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (owner, id)
);

-- The roles of memberships whose provider reports them apart from the membership, one by one or as a list (Auth0, Stack Auth, Zitadel), and whether the
-- membership is active (Zitadel).
CREATE TABLE users_sync_internal.membership_roles (
  id        TEXT PRIMARY KEY,       -- of the membership
  stated    TEXT[],                 -- the last complete list; null: there was none
  stated_at TIMESTAMPTZ,
  changes   JSONB NOT NULL DEFAULT '{}', -- {role: [time, given or taken]}, the newest change of each role
  active    BOOLEAN,                -- the last statement; null: there was none
  active_at TIMESTAMPTZ
);

-- null: a user
ALTER TABLE users_sync_internal.event_log ADD COLUMN entity TEXT CHECK (entity IN ('organization', 'membership'));

-- The key of the lock of an owner's lists. Several owners share one of a thousand: ten thousand members in one statement would need a lock each, and the
-- server's table of locks has no room for them (SQLState 53200).
CREATE FUNCTION users_sync_internal.list_lock(owner TEXT, id TEXT) RETURNS BIGINT
  LANGUAGE sql IMMUTABLE
  RETURN hashtextextended('users-sync list of ' || owner, 7361) + mod(hashtextextended(id, 7361), 500);

-- Makes a complete list of an organization or a user wait for the events that have not seen it, and them for the list.
CREATE FUNCTION users_sync_internal.lock_for_lists(organization_id TEXT, user_id TEXT) RETURNS VOID
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF organization_id IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock_shared(users_sync_internal.list_lock('organization', organization_id));
  END IF;
  IF user_id IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock_shared(users_sync_internal.list_lock('user', user_id));
  END IF;
END $$;

-- What the complete lists of its organization and user say of a membership with this version. If one is newer: outdated, where the row is live, because the
-- list has confirmed it as it is; else left_at, because the list did not hold it. left_at is a microsecond earlier than the list, so that it never outranks
-- a membership that the list holds.
CREATE FUNCTION users_sync_internal.by_lists(id TEXT, organization_id TEXT, user_id TEXT, version TIMESTAMPTZ, OUT outdated BOOLEAN, OUT left_at TIMESTAMPTZ)
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM users_sync_internal.lock_for_lists(organization_id, user_id);
  SELECT max(s.at) - interval '1 microsecond' INTO left_at
    FROM users_sync_internal.membership_scope AS s
   WHERE (s.owner = 'organization' AND s.id = by_lists.organization_id OR s.owner = 'user' AND s.id = by_lists.user_id) AND s.at > version;
  outdated := left_at IS NOT NULL AND EXISTS (SELECT FROM neon_auth.memberships_sync AS m WHERE m.id = by_lists.id AND m.deleted_at IS NULL);
  IF outdated THEN
    left_at := NULL;
  END IF;
END $$;

-- States that a list of memberships of one owner is complete: ends the live ones that it lacks and that are not newer. Of newer ones it ends the roles that
-- were reported before the list. Returns the ids that it ended.
-- users-sync asks for generic plans. Here one would not use the index, and would compare each membership with each id: for an organization of 100,000 members
-- that took more than a minute in place of a second.
CREATE FUNCTION users_sync_internal.list_memberships(owner TEXT, owner_id TEXT, ids TEXT[], at TIMESTAMPTZ) RETURNS TEXT[]
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
  missing TEXT[];
  ended   TEXT[];
BEGIN
  PERFORM pg_advisory_xact_lock(users_sync_internal.list_lock(owner, owner_id));
  INSERT INTO users_sync_internal.membership_scope AS s (owner, id, at) VALUES (list_memberships.owner, owner_id, list_memberships.at)
    ON CONFLICT ON CONSTRAINT membership_scope_pkey DO UPDATE SET at = greatest(s.at, excluded.at);
  SELECT array_agg(lacked.id) INTO missing
    FROM (SELECT m.id
            FROM neon_auth.memberships_sync AS m
           WHERE CASE list_memberships.owner WHEN 'organization' THEN m.organization_id ELSE m.user_id END = owner_id
             AND m.deleted_at IS NULL
             AND NOT EXISTS (SELECT FROM unnest(ids) AS listed (id) WHERE listed.id = m.id)
             -- A provider does not know the members whom a SCIM client pushes into the same organization (V14__scim_clients.sql).
             AND NOT (list_memberships.owner = 'organization' AND EXISTS (SELECT FROM users_sync_internal.scim_client)
                      AND users_sync_internal.scim_client_of(m.user_id) IS NOT NULL)
           ORDER BY m.id COLLATE "C" -- every writer locks in the same order
             FOR UPDATE) AS lacked;
  WITH gone AS (
    UPDATE neon_auth.memberships_sync AS m SET deleted_at = list_memberships.at - interval '1 microsecond'
     WHERE m.id = ANY (missing) AND coalesce(m.updated_at, m.created_at, '-infinity') < list_memberships.at
    RETURNING m.id
  )
  SELECT coalesce(array_agg(gone.id), '{}') INTO ended FROM gone;
  PERFORM users_sync_internal.state_roles(m.id, m.organization_id, m.user_id, NULL, NULL, NULL, NULL, list_memberships.at)
     FROM neon_auth.memberships_sync AS m
     JOIN users_sync_internal.membership_roles AS r ON r.id = m.id
    WHERE m.id = ANY (missing) AND m.deleted_at IS NULL
      AND least(coalesce(r.stated_at, '-infinity'), coalesce(r.active_at, '-infinity')) < list_memberships.at;
  RETURN ended;
END $$;

-- Takes what a provider reports of the roles of a membership: a complete list (an empty one with the end of the membership), or one role that was given or
-- taken, or whether the membership is active, or (all null) only that the row is there. The order of arrival does not matter: of one role the newest report
-- stands, and of one time the list, then the role that was taken. A complete list of memberships that is newer than all of it had stated the roles and the inactive members, or there was no
-- membership.
-- Writes the roles to the row, if there is one. Returns whether that changed the row.
CREATE FUNCTION users_sync_internal.state_roles(membership_id TEXT, organization_id TEXT, user_id TEXT, list TEXT[], role TEXT, taken BOOLEAN, active BOOLEAN,
                                                at TIMESTAMPTZ) RETURNS BOOLEAN
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  known  users_sync_internal.membership_roles;
  listed TIMESTAMPTZ;
  now_   TEXT[];
BEGIN
  INSERT INTO users_sync_internal.membership_roles AS r (id) VALUES (membership_id) ON CONFLICT (id) DO UPDATE SET id = excluded.id RETURNING * INTO known;
  SELECT max(s.at) INTO listed
    FROM users_sync_internal.membership_scope AS s
   WHERE s.owner = 'organization' AND s.id = state_roles.organization_id OR s.owner = 'user' AND s.id = state_roles.user_id;
  IF listed > coalesce(known.stated_at, '-infinity') THEN
    known.stated := '{}';
    known.stated_at := listed;
  END IF;
  IF listed > coalesce(known.active_at, '-infinity') THEN
    known.active := true;
    known.active_at := listed;
  END IF;
  IF state_roles.active IS NOT NULL AND at >= coalesce(known.active_at, '-infinity') THEN
    known.active := state_roles.active;
    known.active_at := at;
  END IF;
  IF list IS NOT NULL AND at >= coalesce(known.stated_at, '-infinity') THEN
    known.stated := list;
    known.stated_at := at;
  END IF;
  IF role IS NOT NULL AND ROW (at, taken) > ROW (coalesce(CAST(known.changes -> role ->> 0 AS timestamptz), '-infinity'),
                                               coalesce(CAST(known.changes -> role ->> 1 AS boolean), false)) THEN
    known.changes := known.changes || jsonb_build_object(role, jsonb_build_array(at, taken));
  END IF;
  -- What the list knows already need not be kept.
  SELECT coalesce(jsonb_object_agg(c.key, c.value), '{}') INTO known.changes
    FROM jsonb_each(known.changes) AS c
   WHERE known.stated_at IS NULL OR CAST(c.value ->> 0 AS timestamptz) > known.stated_at;
  UPDATE users_sync_internal.membership_roles AS r SET stated = known.stated, stated_at = known.stated_at, changes = known.changes,
                                                    active = known.active, active_at = known.active_at
   WHERE r.id = membership_id
     AND (r.stated, r.stated_at, r.changes, r.active, r.active_at) IS DISTINCT FROM (known.stated, known.stated_at, known.changes, known.active, known.active_at);
  -- In the provider's order, the roles of the list first; then those that were given since, in the order of time.
  SELECT array_agg(s.name ORDER BY s.n) INTO now_
    FROM (SELECT stated.name, stated.n FROM unnest(known.stated) WITH ORDINALITY AS stated (name, n)
           WHERE NOT coalesce(CAST(known.changes -> stated.name ->> 1 AS boolean), false)
           UNION ALL
          SELECT c.key, 1000000 + row_number() OVER (ORDER BY CAST(c.value ->> 0 AS timestamptz), c.key COLLATE "C")
            FROM jsonb_each(known.changes) AS c
           WHERE NOT CAST(c.value ->> 1 AS boolean) AND c.key <> ALL (coalesce(known.stated, '{}'))) AS s;
  now_ := coalesce(now_, CASE WHEN known.stated IS NOT NULL OR known.changes <> '{}' THEN CAST('{}' AS text[]) END);
  UPDATE neon_auth.memberships_sync AS m SET roles = now_, role = now_[1], active = coalesce(known.active, m.active)
   WHERE m.id = membership_id AND (m.roles, m.role, m.active) IS DISTINCT FROM (now_, now_[1], coalesce(known.active, m.active));
  RETURN FOUND;
END $$;

-- Whether a membership must not be stored, because its user or organization was erased or purged and the event is not newer.
CREATE FUNCTION users_sync_internal.has_no_owner(membership_id TEXT, organization_id TEXT, user_id TEXT, version TIMESTAMPTZ) RETURNS BOOLEAN
  LANGUAGE sql STABLE
  RETURN EXISTS (SELECT FROM users_sync_internal.tombstone AS t
                  WHERE t.id = coalesce(user_id, (SELECT m.user_id FROM neon_auth.memberships_sync AS m WHERE m.id = membership_id))
                    AND t.at >= coalesce(version, '-infinity')
                    AND NOT EXISTS (SELECT FROM neon_auth.users_sync AS u
                                     WHERE u.id = t.id AND greatest(coalesce(u.updated_at, u.created_at), u.deleted_at) > t.at))
      OR EXISTS (SELECT FROM users_sync_internal.organization_tombstone AS t
                  WHERE t.id = coalesce(organization_id, (SELECT m.organization_id FROM neon_auth.memberships_sync AS m WHERE m.id = membership_id))
                    AND t.at >= coalesce(version, '-infinity')
                    AND NOT EXISTS (SELECT FROM neon_auth.organizations_sync AS o
                                     WHERE o.id = t.id AND greatest(coalesce(o.updated_at, o.created_at), o.deleted_at) > t.at));

-- Whether an event about an organization that is older than the row fills a field, because no event that held the field is newer.
CREATE FUNCTION users_sync_internal.fills(field TEXT, older_fields JSONB, version TIMESTAMPTZ, row_older_fields JSONB) RETURNS BOOLEAN
  LANGUAGE sql STABLE
  RETURN row_older_fields -> field IS NOT NULL AND older_fields -> field IS NULL
         AND version >= coalesce(CAST(row_older_fields ->> field AS timestamptz), '-infinity');

-- The older_fields of a row after an event that replaces its profile, and after one that is older and only fills fields.
CREATE FUNCTION users_sync_internal.older_fields(older_fields JSONB, row_older_fields JSONB, row_version TIMESTAMPTZ) RETURNS JSONB
  LANGUAGE sql STABLE
  RETURN (SELECT jsonb_object_agg(lacked.field, coalesce(row_older_fields -> lacked.field, to_jsonb(row_version)))
            FROM jsonb_object_keys(older_fields) AS lacked (field));
CREATE FUNCTION users_sync_internal.filled_fields(older_fields JSONB, version TIMESTAMPTZ, row_older_fields JSONB) RETURNS JSONB
  LANGUAGE sql STABLE
  RETURN (SELECT jsonb_object_agg(kept.key, CASE WHEN users_sync_internal.fills(kept.key, older_fields, version, row_older_fields) THEN to_jsonb(version)
                                                 ELSE kept.value END)
            FROM jsonb_each(row_older_fields) AS kept);

-- Whether an organization must not be stored, because the one that it is part of was purged and the event is not newer.
CREATE FUNCTION users_sync_internal.has_no_parent(parent_id TEXT, version TIMESTAMPTZ) RETURNS BOOLEAN
  LANGUAGE sql STABLE
  RETURN EXISTS (SELECT FROM users_sync_internal.organization_tombstone AS t
                  WHERE t.id = parent_id AND t.at >= coalesce(version, '-infinity')
                    AND NOT EXISTS (SELECT FROM neon_auth.organizations_sync AS o
                                     WHERE o.id = t.id AND greatest(coalesce(o.updated_at, o.created_at), o.deleted_at) > t.at));

-- Removes the memberships of users whose row was erased or purged, and what is kept of them. Returns how many rows.
CREATE FUNCTION users_sync_internal.remove_memberships(user_ids TEXT[]) RETURNS BIGINT
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  ids TEXT[];
BEGIN
  SELECT coalesce(array_agg(gone.id), '{}') INTO ids
    FROM (SELECT m.id FROM neon_auth.memberships_sync AS m
           WHERE m.user_id = ANY (user_ids)
             AND NOT EXISTS (SELECT FROM neon_auth.users_sync AS u WHERE u.id = m.user_id) -- kept by a foreign key, or restored meanwhile
           ORDER BY m.id COLLATE "C" -- every writer locks in the same order
             FOR UPDATE) AS gone;
  DELETE FROM users_sync_internal.event_log AS l WHERE l.entity = 'membership' AND l.user_id = ANY (ids);
  DELETE FROM neon_auth.memberships_sync AS m WHERE m.id = ANY (ids);
  DELETE FROM users_sync_internal.membership_roles AS r
   WHERE r.id = ANY (ids) OR EXISTS (SELECT FROM unnest(user_ids) AS u (id) WHERE right(r.id, length(u.id) + 1) = ':' || u.id); -- roles without a row
  DELETE FROM users_sync_internal.membership_scope AS s WHERE s.owner = 'user' AND s.id = ANY (user_ids);
  RETURN cardinality(ids);
END $$;

-- Removes up to a thousand organizations, with the groups inside them and the memberships of all these, and as many memberships that were deleted so many days
-- ago. An organization stays if the application still refers to it or to a group inside, or if such a group is newer than the deletion or a SCIM client's:
-- without the organization, memberships_live would show its members again. Returns how many rows are gone.
CREATE FUNCTION users_sync_internal.purge_organizations(days INTEGER) RETURNS BIGINT
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  one    RECORD;
  inside TEXT[]; -- the organization and what is inside it
  stays  BOOLEAN;
  purged BIGINT := 0;
  gone   BIGINT;
BEGIN
  -- No event that is being applied has missed the tombstones.
  LOCK TABLE neon_auth.organizations_sync, neon_auth.memberships_sync IN SHARE ROW EXCLUSIVE MODE;
  FOR one IN SELECT o.id, o.deleted_at FROM neon_auth.organizations_sync AS o
              WHERE o.deleted_at < now() - make_interval(days => purge_organizations.days) ORDER BY o.deleted_at LIMIT 1000 LOOP
    WITH RECURSIVE part (id) AS (
      SELECT one.id
       UNION
      SELECT o.id FROM part JOIN neon_auth.organizations_sync AS o ON o.parent_id = part.id AND o.deleted_at IS NULL
    )
    SELECT array_agg(o.id),
           bool_or(o.deleted_at IS NULL AND (coalesce(o.updated_at, o.created_at) > one.deleted_at OR users_sync_internal.scim_client_of(o.id) IS NOT NULL))
      INTO inside, stays
      FROM part JOIN neon_auth.organizations_sync AS o ON o.id = part.id;
    CONTINUE WHEN stays;
    BEGIN
      SET CONSTRAINTS ALL IMMEDIATE; -- a foreign key that waits for the commit must speak here, too
      DELETE FROM neon_auth.organizations_sync AS o WHERE o.id = ANY (inside);
      INSERT INTO users_sync_internal.organization_tombstone AS t (id, at) SELECT unnest(inside), one.deleted_at
        ON CONFLICT (id) DO UPDATE SET at = greatest(t.at, excluded.at);
      WITH ended AS (DELETE FROM neon_auth.memberships_sync AS m WHERE m.organization_id = ANY (inside) RETURNING m.id)
      DELETE FROM users_sync_internal.membership_roles AS r USING ended WHERE r.id = ended.id;
      DELETE FROM users_sync_internal.membership_scope AS s WHERE s.owner = 'organization' AND s.id = ANY (inside);
      purged := purged + cardinality(inside);
    EXCEPTION WHEN foreign_key_violation THEN
      CONTINUE;
    END;
  END LOOP;
  WITH doomed AS (
    SELECT m.id, m.deleted_at FROM neon_auth.memberships_sync AS m
     WHERE m.deleted_at < now() - make_interval(days => purge_organizations.days) ORDER BY m.deleted_at LIMIT 1000
  ), buried AS (
    INSERT INTO users_sync_internal.membership_tombstone AS t (id, at) SELECT doomed.id, doomed.deleted_at FROM doomed
      ON CONFLICT (id) DO UPDATE SET at = greatest(t.at, excluded.at)
  ), forgotten AS (
    DELETE FROM users_sync_internal.membership_roles AS r USING doomed WHERE r.id = doomed.id
  )
  DELETE FROM neon_auth.memberships_sync AS m USING doomed WHERE m.id = doomed.id;
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN purged + gone;
END $$;
