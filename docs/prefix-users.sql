-- Gives every user an id prefix, with the foreign keys of the application. All or nothing; run it once more and nothing changes.
-- Stop users-sync, run it as the owner of the tables, set <PROVIDER>_ID_PREFIX to the same prefix, and start users-sync again:
--   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -v prefix=clerk: -f docs/prefix-users.sql
-- It refuses SCIM users, whose identity provider keeps their ids, and parked user events of the profile kafka. With that profile, let the topic run empty first.
-- Columns that hold ids without a foreign key are not known here: change them yourself, in the same transaction, before COMMIT.
BEGIN;
SELECT set_config('users_sync.prefix', :'prefix', true);
DO $$
DECLARE
  prefix TEXT := current_setting('users_sync.prefix');
  one RECORD;
BEGIN
  IF prefix = '' THEN
    RAISE EXCEPTION 'the prefix is empty';
  END IF;
  LOCK TABLE neon_auth.users_sync IN ACCESS EXCLUSIVE MODE;
  IF EXISTS (SELECT FROM neon_auth.users_sync AS u
              WHERE u.raw_json @> '{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"]}' AND NOT starts_with(u.id, prefix)) THEN
    RAISE EXCEPTION 'the table holds SCIM users, and their identity provider keeps their ids: new ids would add each user once more. Give the other provider a prefix, not these users';
  END IF;
  -- A parked user event of the profile kafka holds the id inside its body.
  SELECT string_agg(d.id::text, ', ' ORDER BY d.id) AS numbers INTO one FROM users_sync_internal.dead_letter AS d
   WHERE d.holds = 'user event' AND d.state = 'parked';
  IF one.numbers IS NOT NULL THEN
    RAISE EXCEPTION 'the dead letters % hold user events with the old ids: replay or discard them first (users-sync replay)', one.numbers;
  END IF;
  -- Every column that refers to the id, also through another column.
  CREATE TEMPORARY TABLE id_columns ON COMMIT DROP AS
    WITH RECURSIVE refers (tab, number) AS (
      SELECT a.attrelid, a.attnum FROM pg_attribute AS a WHERE a.attrelid = 'neon_auth.users_sync'::regclass AND a.attname = 'id'
      UNION
      SELECT c.conrelid, c.conkey[place.i]
        FROM refers JOIN pg_constraint AS c ON c.contype = 'f' AND c.conparentid = 0 AND c.confrelid = refers.tab
       CROSS JOIN LATERAL generate_subscripts(c.confkey, 1) AS place (i)
       WHERE c.confkey[place.i] = refers.number)
    SELECT refers.tab, refers.number, format('%I.%I', n.nspname, r.relname) AS name, a.attname AS field
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
  INSERT INTO id_columns (name, field)
    SELECT own.name, own.field FROM (VALUES ('users_sync_internal.event_log', 'user_id'), ('users_sync_internal.tombstone', 'id'),
      ('users_sync_internal.sweep_seen', 'id'), ('users_sync_internal.user_to_ask', 'id')) AS own (name, field) WHERE to_regclass(own.name) IS NOT NULL;
  FOR one IN SELECT * FROM id_columns LOOP
    EXECUTE format('UPDATE %s SET %2$I = $1 || %2$I WHERE NOT starts_with(%2$I, $1)', one.name, one.field) USING prefix;
  END LOOP;
  SET CONSTRAINTS ALL IMMEDIATE;
  FOR one IN SELECT * FROM id_keys LOOP
    EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', one.name, one.conname, one.definition);
  END LOOP;
END $$;
COMMIT;
