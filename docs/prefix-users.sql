-- Gives every user, organization and membership an id prefix, with the foreign keys of the application. All or nothing; run it once more and nothing changes.
-- Stop users-sync, run it as the owner of the tables, set <PROVIDER>_ID_PREFIX to the same prefix, and start users-sync again:
--   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -v prefix=clerk: -f docs/prefix-users.sql
-- It refuses SCIM users, groups and clients, whose identity provider keeps the ids, and parked user events of the profile kafka. With that profile, let the
-- topic run empty first.
-- Columns that hold ids without a foreign key are not known here: change them yourself, in the same transaction, before COMMIT.
BEGIN;
SELECT set_config('users_sync.prefix', :'prefix', true), set_config('users_sync.changes', 'off', true); -- no user changes

-- The new form of an id of a user or organization.
CREATE OR REPLACE FUNCTION pg_temp.prefixed(id TEXT) RETURNS TEXT
  LANGUAGE sql STABLE
  RETURN CASE WHEN starts_with(id, current_setting('users_sync.prefix')) THEN id ELSE current_setting('users_sync.prefix') || id END;

-- The new ids of the memberships that have a row. The id of a pair holds both ids: <organization>:<user>.
CREATE TEMPORARY TABLE membership_ids (old TEXT PRIMARY KEY, new TEXT) ON COMMIT DROP;

-- The new form of an id of a membership. Of a membership without a row, a colon tells the pair.
CREATE OR REPLACE FUNCTION pg_temp.prefixed_membership(id TEXT) RETURNS TEXT
  LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN CASE WHEN starts_with(id, current_setting('users_sync.prefix')) THEN id
              ELSE coalesce((SELECT m.new FROM membership_ids AS m WHERE m.old = id),
                            CASE WHEN strpos(id, ':') > 0
                                 THEN current_setting('users_sync.prefix') || split_part(id, ':', 1) || ':' || pg_temp.prefixed(substr(id, strpos(id, ':') + 1))
                                 ELSE pg_temp.prefixed(id) END) END;
END $$;

DO $$
DECLARE
  prefix TEXT := current_setting('users_sync.prefix');
  one RECORD;
BEGIN
  IF prefix = '' THEN
    RAISE EXCEPTION 'the prefix is empty';
  END IF;
  LOCK TABLE neon_auth.users_sync, neon_auth.organizations_sync, neon_auth.memberships_sync IN ACCESS EXCLUSIVE MODE;
  IF EXISTS (SELECT FROM neon_auth.users_sync AS u
              WHERE u.raw_json @> '{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"]}' AND NOT starts_with(u.id, prefix)) THEN
    RAISE EXCEPTION 'the table holds SCIM users, and their identity provider keeps their ids: new ids would add each user once more. Give the other provider a prefix, not these users';
  END IF;
  IF EXISTS (SELECT FROM neon_auth.organizations_sync AS o
              WHERE o.raw_json @> '{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"]}' AND NOT starts_with(o.id, prefix)) THEN
    RAISE EXCEPTION 'the table holds SCIM groups, and their identity provider keeps their ids: new ids would add each group once more. Give the other provider a prefix, not these groups';
  END IF;
  IF EXISTS (SELECT FROM users_sync_internal.scim_client AS c WHERE NOT starts_with(c.organization_id, prefix)) THEN
    RAISE EXCEPTION 'there are SCIM clients, and they name their organizations by id. Give the other provider a prefix, not these users';
  END IF;
  -- A parked user event of the profile kafka holds the id inside its body.
  SELECT string_agg(d.id::text, ', ' ORDER BY d.id) AS numbers INTO one FROM users_sync_internal.dead_letter AS d
   WHERE d.holds = 'user event' AND d.state = 'parked';
  IF one.numbers IS NOT NULL THEN
    RAISE EXCEPTION 'the dead letters % hold user events with the old ids: replay or discard them first (users-sync replay)', one.numbers;
  END IF;
  INSERT INTO membership_ids (old, new)
    SELECT m.id, CASE WHEN m.id = replace(replace(m.organization_id, '%', '%25'), ':', '%3A') || ':' || m.user_id
                      THEN prefix || split_part(m.id, ':', 1) || ':' || pg_temp.prefixed(m.user_id) ELSE prefix || m.id END
      FROM neon_auth.memberships_sync AS m WHERE NOT starts_with(m.id, prefix);
  -- Every column that refers to an id, also through another column.
  CREATE TEMPORARY TABLE id_columns ON COMMIT DROP AS
    WITH RECURSIVE refers (tab, number, form) AS (
      SELECT a.attrelid, a.attnum, CASE a.attrelid WHEN 'neon_auth.memberships_sync'::regclass THEN 'prefixed_membership' ELSE 'prefixed' END
        FROM pg_attribute AS a
       WHERE a.attrelid IN ('neon_auth.users_sync'::regclass, 'neon_auth.organizations_sync'::regclass, 'neon_auth.memberships_sync'::regclass)
         AND a.attname = 'id'
      UNION
      SELECT c.conrelid, c.conkey[place.i], refers.form
        FROM refers JOIN pg_constraint AS c ON c.contype = 'f' AND c.conparentid = 0 AND c.confrelid = refers.tab
       CROSS JOIN LATERAL generate_subscripts(c.confkey, 1) AS place (i)
       WHERE c.confkey[place.i] = refers.number)
    SELECT refers.tab, refers.number, refers.form, format('%I.%I', n.nspname, r.relname) AS name, a.attname AS field
      FROM refers JOIN pg_class AS r ON r.oid = refers.tab JOIN pg_namespace AS n ON n.oid = r.relnamespace
      JOIN pg_attribute AS a ON a.attrelid = refers.tab AND a.attnum = refers.number;
  CREATE TEMPORARY TABLE id_keys ON COMMIT DROP AS
    SELECT DISTINCT mine.name, c.conname, pg_get_constraintdef(c.oid) AS definition
      FROM pg_constraint AS c JOIN id_columns AS mine ON mine.tab = c.conrelid AND mine.number = ANY (c.conkey)
      JOIN id_columns AS theirs ON theirs.tab = c.confrelid AND theirs.number = ANY (c.confkey)
     WHERE c.contype = 'f' AND c.conparentid = 0;
  FOR one IN SELECT * FROM id_keys LOOP
    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', one.name, one.conname);
  END LOOP;
  INSERT INTO id_columns (name, field, form)
    VALUES ('neon_auth.organizations_sync', 'parent_id', 'prefixed'), ('neon_auth.memberships_sync', 'organization_id', 'prefixed'),
      ('neon_auth.memberships_sync', 'user_id', 'prefixed'), ('users_sync_internal.tombstone', 'id', 'prefixed'),
      ('users_sync_internal.organization_tombstone', 'id', 'prefixed'), ('users_sync_internal.membership_tombstone', 'id', 'prefixed_membership'),
      ('users_sync_internal.membership_scope', 'id', 'prefixed'), ('users_sync_internal.membership_roles', 'id', 'prefixed_membership'),
      ('users_sync_internal.user_to_ask', 'id', 'prefixed');
  FOR one IN SELECT * FROM id_columns LOOP
    EXECUTE format('UPDATE %s SET %2$I = pg_temp.%3$I(%2$I) WHERE NOT starts_with(%2$I, $1)', one.name, one.field, one.form) USING prefix;
  END LOOP;
  UPDATE users_sync_internal.event_log AS l
     SET user_id = CASE l.entity WHEN 'membership' THEN pg_temp.prefixed_membership(l.user_id) ELSE pg_temp.prefixed(l.user_id) END
   WHERE NOT starts_with(l.user_id, prefix);
  -- A listing under way continues where it was; it keeps the ids of memberships behind "membership:", and those of users behind "user:".
  UPDATE users_sync_internal.sweep_seen AS seen
     SET id = CASE WHEN seen.provider LIKE '%:organizations' AND starts_with(seen.id, 'membership:')
                   THEN 'membership:' || coalesce(pg_temp.prefixed_membership(nullif(substr(seen.id, 12), '')), '')
                   WHEN seen.provider LIKE '%:organizations' AND starts_with(seen.id, 'user:') THEN 'user:' || pg_temp.prefixed(substr(seen.id, 6))
                   WHEN seen.provider LIKE '%:organizations' AND starts_with(seen.id, 'without:') THEN seen.id
                   ELSE pg_temp.prefixed(seen.id) END
   WHERE NOT starts_with(seen.id, prefix);
  UPDATE users_sync_internal.poll_state AS p SET cursor = jsonb_set(p.cursor, '{organization}', to_jsonb(pg_temp.prefixed(p.cursor ->> 'organization')))
   WHERE p.provider LIKE '%:organizations' AND p.cursor ->> 'organization' IS NOT NULL;
  SET CONSTRAINTS ALL IMMEDIATE;
  FOR one IN SELECT * FROM id_keys LOOP
    EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', one.name, one.conname, one.definition);
  END LOOP;
END $$;
COMMIT;
