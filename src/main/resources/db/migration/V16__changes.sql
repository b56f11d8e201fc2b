-- The change feed: every change of a user, an organization or a membership, in the history of decisions, with a number. Triggers write it, so that no
-- statement can forget to, and only a trigger sees the row as it was when it was locked.
SET LOCAL client_min_messages = warning;

-- A decision that changed a row has these, too.
ALTER TABLE users_sync_internal.event_log
  ADD COLUMN seq     BIGINT,
  ADD COLUMN kind    TEXT CHECK (kind IN ('created', 'updated', 'deleted', 'restored', 'purged', 'erased')),
  ADD COLUMN columns TEXT[],   -- those that changed; null: the row is new or gone
  ADD COLUMN initial BOOLEAN;  -- true: a backfill found the row
CREATE SEQUENCE users_sync_internal.change_seq;
CREATE UNIQUE INDEX event_log_seq_idx ON users_sync_internal.event_log (seq) WHERE seq IS NOT NULL;

-- Numbers are given before the commit, and a reader that goes on from the highest number it saw would miss a lower one that commits later. Readers therefore
-- see the numbers up to this one. Every transaction that takes numbers first takes a shared advisory lock, whose key holds the last number given before.
-- advance_changes reads the last number first and the keys of those locks afterwards: all numbers up to the lowest of these are committed, or never will be.
-- No long transaction of others holds it up, as the oldest transaction id would, and a reader on a standby sees no number too early.
CREATE TABLE users_sync_internal.change_horizon (seq BIGINT NOT NULL);
INSERT INTO users_sync_internal.change_horizon VALUES (0);

-- Lets readers see what has been committed, and wakes those that LISTEN users_sync. Returns whether that is every number given so far.
CREATE FUNCTION users_sync_internal.advance_changes() RETURNS BOOLEAN
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  given BIGINT := coalesce(pg_sequence_last_value('users_sync_internal.change_seq'), 0);
  safe  BIGINT;
BEGIN
  SELECT least(given, min((CAST(l.classid AS bigint) & 65535) << 32 | CAST(l.objid AS bigint))) INTO safe
    FROM pg_locks AS l
   WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND CAST(l.classid AS bigint) >> 16 = 29505
     AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database());
  UPDATE users_sync_internal.change_horizon AS h SET seq = safe WHERE h.seq < safe;
  IF FOUND THEN
    PERFORM pg_notify('users_sync', CAST(safe AS text));
  END IF;
  RETURN safe = given;
END $$;
REVOKE ALL ON FUNCTION users_sync_internal.advance_changes() FROM PUBLIC;

-- The trigger function of one table. What the statement says of itself is in settings of the transaction: arrays users_sync.ids, .types, .providers,
-- .deliveries and .initial of a batch, or users_sync.type, .provider, .delivery and .version; users_sync.removal is erased when rows go for that reason;
-- users_sync.changes is off while somebody renames ids (docs/prefix-users.sql).
-- A plan that was made for one row would compare each row of a batch with each other one: enable_nestloop.
-- Applications may write bare rows (neon_auth.ensure_user). Such a row is created when its first event fills it.
CREATE FUNCTION users_sync_internal.record_changes(changing regclass, entity TEXT, columns TEXT[]) RETURNS VOID
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  name CONSTANT TEXT := format('users_sync_internal.record_%s_change', entity);
BEGIN
  EXECUTE format($function$
    CREATE OR REPLACE FUNCTION %1$s() RETURNS trigger
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_nestloop = off AS $trigger$
    BEGIN
      IF current_setting('users_sync.changes', true) = 'off' THEN
        RETURN NULL;
      ELSIF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM old_rows) THEN
          RETURN NULL;
        END IF;
      ELSIF NOT EXISTS (SELECT FROM new_rows) THEN
        RETURN NULL;
      END IF;
      IF coalesce(current_setting('users_sync.numbers', true), '') = '' THEN
        PERFORM pg_advisory_xact_lock_shared(CAST(29505 AS bigint) << 48 | coalesce(pg_sequence_last_value('users_sync_internal.change_seq'), 0)),
                set_config('users_sync.numbers', 'taken', true);
      END IF;
      IF TG_OP = 'INSERT' THEN
        INSERT INTO users_sync_internal.event_log (seq, entity, user_id, kind, type, decision, provider, delivery, version, initial)
        SELECT nextval('users_sync_internal.change_seq'), %2$s, id, kind,
               CASE WHEN kind = 'deleted' THEN kind ELSE coalesce(origin.type, nullif(current_setting('users_sync.type', true), ''), kind) END, 'applied',
               coalesce(origin.provider, nullif(current_setting('users_sync.provider', true), '')),
               coalesce(origin.delivery, nullif(current_setting('users_sync.delivery', true), '')),
               coalesce(deleted_at, updated_at, created_at), origin.initial
          FROM (SELECT n.id, n.created_at, n.deleted_at, n.updated_at, CASE WHEN n.deleted_at IS NULL THEN 'created' ELSE 'deleted' END AS kind,
                       n.updated_at IS NULL AND n.created_at IS NULL AND n.deleted_at IS NULL AND n.raw_json = jsonb_build_object('id', n.id) AS bare
                  FROM new_rows AS n) AS change
          LEFT JOIN unnest(CAST(nullif(current_setting('users_sync.ids', true), '') AS text[]),
                           CAST(nullif(current_setting('users_sync.types', true), '') AS text[]),
                           CAST(nullif(current_setting('users_sync.providers', true), '') AS text[]),
                           CAST(nullif(current_setting('users_sync.deliveries', true), '') AS text[]),
                           CAST(nullif(current_setting('users_sync.initial', true), '') AS boolean[]))
                    AS origin (id, type, provider, delivery, initial) USING (id)
         WHERE bare IS NOT TRUE OR origin.id IS NOT NULL;
      ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO users_sync_internal.event_log (seq, entity, user_id, kind, type, decision, provider, delivery, version, initial, columns)
        SELECT nextval('users_sync_internal.change_seq'), %2$s, id, kind,
               CASE WHEN kind = 'deleted' THEN kind ELSE coalesce(origin.type, nullif(current_setting('users_sync.type', true), ''), kind) END, 'applied',
               coalesce(origin.provider, nullif(current_setting('users_sync.provider', true), '')),
               coalesce(origin.delivery, nullif(current_setting('users_sync.delivery', true), '')),
               CASE WHEN kind = 'deleted' OR origin.type = 'deleted' THEN deleted_at
                    ELSE coalesce(CAST(nullif(current_setting('users_sync.version', true), '') AS timestamptz), updated_at, created_at) END, origin.initial,
               CASE WHEN kind <> 'created' THEN columns END
          FROM (SELECT id, n.created_at, n.deleted_at, n.updated_at,
                       CASE WHEN n.deleted_at IS NOT NULL AND o.deleted_at IS NULL THEN 'deleted'
                            WHEN n.deleted_at IS NULL AND o.deleted_at IS NOT NULL THEN 'restored'
                            WHEN o.updated_at IS NULL AND o.created_at IS NULL AND o.raw_json = jsonb_build_object('id', id) THEN 'created'
                            ELSE 'updated' END AS kind,
                       array_remove(ARRAY[%3$s], NULL) AS columns
                  FROM new_rows AS n JOIN old_rows AS o USING (id)
                OFFSET 0) AS change -- columns are compared once
          LEFT JOIN unnest(CAST(nullif(current_setting('users_sync.ids', true), '') AS text[]),
                           CAST(nullif(current_setting('users_sync.types', true), '') AS text[]),
                           CAST(nullif(current_setting('users_sync.providers', true), '') AS text[]),
                           CAST(nullif(current_setting('users_sync.deliveries', true), '') AS text[]),
                           CAST(nullif(current_setting('users_sync.initial', true), '') AS boolean[]))
                    AS origin (id, type, provider, delivery, initial) USING (id)
         WHERE columns <> '{}'; -- an application may have columns of its own
      ELSE
        INSERT INTO users_sync_internal.event_log (seq, entity, user_id, kind, type, decision)
        SELECT nextval('users_sync_internal.change_seq'), %2$s, o.id, coalesce(nullif(current_setting('users_sync.removal', true), ''), 'purged'), 'deleted', 'applied'
          FROM old_rows AS o;
      END IF;
      RETURN NULL;
    END $trigger$ $function$,
    name, CASE WHEN entity = 'user' THEN 'NULL' ELSE quote_literal(entity) END,
    (SELECT string_agg(format('CASE WHEN n.%1$I IS DISTINCT FROM o.%1$I THEN %1$L END', c.name), ', ' ORDER BY c.n) FROM unnest(columns) WITH ORDINALITY AS c (name, n)));
  EXECUTE format('REVOKE ALL ON FUNCTION %s() FROM PUBLIC', name);
  EXECUTE format('CREATE TRIGGER users_sync_inserted AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION %s()', changing, name);
  EXECUTE format('CREATE TRIGGER users_sync_updated AFTER UPDATE ON %s REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION %s()', changing, name);
  EXECUTE format('CREATE TRIGGER users_sync_removed AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION %s()', changing, name);
END $$;

SELECT users_sync_internal.record_changes('neon_auth.users_sync', 'user', '{raw_json,name,email,created_at,deleted_at,updated_at}'),
       users_sync_internal.record_changes('neon_auth.organizations_sync', 'organization', '{raw_json,kind,name,slug,parent_id,created_at,deleted_at,updated_at}'),
       users_sync_internal.record_changes('neon_auth.memberships_sync', 'membership',
         '{organization_id,user_id,raw_json,role,roles,active,created_at,deleted_at,updated_at}');

CREATE VIEW neon_auth.user_changes AS
  SELECT l.seq, l.at, coalesce(l.entity, 'user') AS entity, l.user_id AS id, l.kind, l.columns, l.version, l.provider, coalesce(l.initial, false) AS initial
    FROM users_sync_internal.event_log AS l
   WHERE l.seq IS NOT NULL AND l.seq <= (SELECT h.seq FROM users_sync_internal.change_horizon AS h);
COMMENT ON VIEW neon_auth.user_changes IS
  'Every change of users, organizations and memberships, in order. Remember the highest seq that you have handled, and read on from there. No number appears late. GRANT SELECT to the roles of your application.';

-- Erases a user with the memberships. The change feed keeps that, and nothing else of them.
CREATE FUNCTION users_sync_internal.erase(user_id TEXT, id_at_provider TEXT, its_provider TEXT, force BOOLEAN) RETURNS jsonb
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  proof   jsonb;
  removed INTEGER;
BEGIN
  PERFORM set_config('users_sync.removal', 'erased', true);
  proof := users_sync_internal.erase_user(user_id, id_at_provider, its_provider, force);
  removed := proof -> 'rows_removed';
  -- erase_user has removed the change that the trigger wrote, with the history
  INSERT INTO users_sync_internal.event_log (seq, user_id, kind, type, decision)
  SELECT nextval('users_sync_internal.change_seq'), erase.user_id, 'erased', 'deleted', 'applied' WHERE removed > 0;
  RETURN proof || jsonb_build_object('decisions_removed', CAST(proof -> 'decisions_removed' AS integer) - removed,
    'memberships_removed', users_sync_internal.remove_memberships(ARRAY[erase.user_id]));
END $$;
