-- ensure_user refuses a user who was deleted, and erase_user removes what belongs to one user and to nobody else.
SET LOCAL client_min_messages = warning;

-- With anyway, a deleted user gets a row, too. A tombstone stays: only an event that is newer than it fills the bare row.
CREATE OR REPLACE FUNCTION neon_auth.ensure_user(id TEXT, anyway BOOLEAN) RETURNS TEXT
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  gone TIMESTAMPTZ;
BEGIN
  IF id IS NULL OR octet_length(convert_to(id, 'UTF8')) NOT BETWEEN 1 AND 2600 OR id !~ '[^[:space:]]' THEN
    RAISE EXCEPTION 'a user id has 1 to 2600 bytes' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  -- First the row: a purge or an erasure that is under way has a lock, and the next statement sees what it left.
  INSERT INTO neon_auth.users_sync (id, raw_json) VALUES (ensure_user.id, jsonb_build_object('id', ensure_user.id))
    ON CONFLICT DO NOTHING;
  IF FOUND THEN
    SELECT t.at INTO gone FROM users_sync_internal.tombstone AS t WHERE t.id = ensure_user.id;
  ELSE
    SELECT u.deleted_at INTO gone FROM neon_auth.users_sync AS u WHERE u.id = ensure_user.id;
  END IF;
  IF gone IS NOT NULL AND anyway IS NOT TRUE THEN
    RAISE EXCEPTION 'user % was deleted on %', ensure_user.id, to_char(gone AT TIME ZONE 'UTC', 'YYYY-MM-DD')
      USING ERRCODE = 'US001', HINT = 'neon_auth.ensure_user(id, true) gives a row that a foreign key can refer to all the same.';
  END IF;
  RETURN ensure_user.id;
END $$;

-- Replaced, not dropped: what was granted on it stays.
CREATE OR REPLACE FUNCTION neon_auth.ensure_user(id TEXT) RETURNS TEXT
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'SELECT neon_auth.ensure_user(id, false)';

REVOKE ALL ON FUNCTION neon_auth.ensure_user(TEXT, BOOLEAN) FROM PUBLIC;
COMMENT ON FUNCTION neon_auth.ensure_user(TEXT) IS
  'Makes sure that the user has a row that a foreign key can refer to, and returns the id; SQLSTATE US001: the user was deleted. GRANT EXECUTE to the roles of your application.';
COMMENT ON FUNCTION neon_auth.ensure_user(TEXT, BOOLEAN) IS
  'The same; true as second argument: also for a user who was deleted, purged or erased. GRANT EXECUTE to the roles of your application.';

-- JSON inside a text: as it is, as a JWT's payload, or in base64. Null: none.
CREATE OR REPLACE FUNCTION users_sync_internal.json_in(content TEXT) RETURNS jsonb
  LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  packed TEXT;
BEGIN
  content := btrim(content, E' \t\r\n');
  IF content ~ '^[{[]' THEN
    BEGIN
      RETURN content::jsonb;
    EXCEPTION WHEN data_exception THEN
      -- U+0000 and half surrogate pairs, which jsonb refuses; also whole pairs: nobody's id or address holds one
      RETURN regexp_replace(content, '(?<!\\)((?:\\\\)*)\\u(0000|[dD][89a-fA-F][0-9a-fA-F]{2})', '\1?', 'g')::jsonb;
    END;
  END IF;
  packed := CASE WHEN content ~ '^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$' THEN split_part(content, '.', 2)
                 WHEN content ~ '^[A-Za-z0-9+/_-]{16,}=*$' THEN rtrim(content, '=') END;
  packed := translate(packed, '-_', '+/');
  packed := convert_from(decode(packed || repeat('=', (4 - length(packed) % 4) % 4), 'base64'), 'UTF8');
  RETURN CASE WHEN packed ~ '^\s*[{[]' THEN users_sync_internal.json_in(packed) END;
EXCEPTION WHEN data_exception OR statement_too_complex THEN
  RETURN NULL;
END $$;

-- Every key and plain value of a document, JSON inside texts included, two levels deep; key: the nearest one above the value.
CREATE OR REPLACE FUNCTION users_sync_internal.json_leaves(document jsonb) RETURNS TABLE (key TEXT, value TEXT, place TEXT[])
  LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH RECURSIVE node (key, value, place, embedded) AS (
    SELECT NULL::text, document, '{}'::text[], 0
     UNION ALL
    SELECT coalesce(child.key, node.key), child.value, node.place || coalesce(child.key, child.n::text), node.embedded + child.embedded
      FROM node
     CROSS JOIN LATERAL (
       SELECT e.key, e.value, NULL::bigint AS n, 0 AS embedded FROM jsonb_each(CASE WHEN jsonb_typeof(node.value) = 'object' THEN node.value ELSE '{}' END) AS e
        UNION ALL
       SELECT NULL, a.value, a.n, 0 FROM jsonb_array_elements(CASE WHEN jsonb_typeof(node.value) = 'array' THEN node.value ELSE '[]' END) WITH ORDINALITY AS a (value, n)
        UNION ALL
       SELECT NULL, i.value, 0, 1 FROM (SELECT users_sync_internal.json_in(node.value #>> '{}') AS value
                                         WHERE jsonb_typeof(node.value) = 'string' AND node.embedded < 2 AND length(node.value #>> '{}') > 1) AS i
        WHERE i.value IS NOT NULL) AS child
  )
  SELECT node.key, node.value #>> '{}', node.place FROM node WHERE jsonb_typeof(node.value) IN ('string', 'number')
   UNION ALL
  SELECT NULL, k.key, node.place FROM node CROSS JOIN LATERAL jsonb_object_keys(CASE WHEN jsonb_typeof(node.value) = 'object' THEN node.value ELSE '{}' END) AS k (key)
$$;

-- The pattern of a text that stands alone in another one: bounded by what no id and no address holds.
CREATE OR REPLACE FUNCTION users_sync_internal.alone(word TEXT) RETURNS TEXT
  LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT '(^|[^[:alnum:]._%+@|-])' || regexp_replace(lower(word), '([^[:alnum:]])', '\\\1', 'g') || '($|[^[:alnum:].@_|-]|\.($|[^[:alnum:]]))'
$$;

-- Whether a body may hold one of the words, cheaper than a walk through its JSON. Raises data_exception where the body is no text.
CREATE OR REPLACE FUNCTION users_sync_internal.may_hold(body bytea, words TEXT[]) RETURNS BOOLEAN
  LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  -- An escape, a JWT and base64 of JSON, also behind white space, hide words; all others stand there as they are.
  SELECT cardinality(words) > 0
     AND (convert_from(body, 'UTF8') ~ '\\|(^|[".[:space:]])(e[yw][A-Za-z0-9+/_-]{14}|[CDIW][A-Za-z0-9+/_-]{15})'
          OR EXISTS (SELECT FROM unnest(words) AS word WHERE position(lower(word) IN lower(convert_from(body, 'UTF8'))) > 0))
$$;

-- Whether a leaf names one of the ids: a whole value or key. A short number may count anything: it is one only under a key of a user's id.
CREATE OR REPLACE FUNCTION users_sync_internal.is_id(key TEXT, value TEXT, place TEXT[], ids TEXT[]) RETURNS BOOLEAN
  LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (SELECT FROM unnest(ids) AS id
                  WHERE value = id
                    AND (id !~ '^\d{1,9}$'
                         OR key ~* '^(id|ids|(user|account|person|member|external|legacy|primary)[_.-]?ids?|sub|subject|uid|uuid|guid|user|users)$'
                            -- what stands above the key, numbers of list elements aside
                            AND coalesce((SELECT step FROM unnest(place) WITH ORDINALITY AS above (step, n)
                                           WHERE step !~ '^\d+$' ORDER BY n DESC OFFSET 1 LIMIT 1), '')
                                !~* '(plan|price|product|subscription|invoice|order|team|org|organi[sz]ation|compan(y|ie)|employer|department|division|tenant|workspace|project|role|permission|group|session|device|client|application|connection|address(e)?|email|phone|manager)s?$')
                     -- a path such as users/7
                     OR value LIKE '%/%' AND value ~ ('(^|/)[uU]sers?/' || regexp_replace(id, '([^[:alnum:]])', '\\\1', 'g') || '($|[/?#])'))
$$;

-- Whether a leaf is an address of the user, not of a manager, an organization or a help desk.
CREATE OR REPLACE FUNCTION users_sync_internal.is_own_address(key TEXT, value TEXT, place TEXT[]) RETURNS BOOLEAN
  LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT key IS NOT NULL AND value ~ '^[^\s@]+@[^\s@]+$' AND value !~ '^\w+://'
     AND NOT EXISTS (SELECT FROM unnest(place) AS step
                      WHERE step ~* 'manager|organi[sz]ation|compan|employer|team|support|billing|tenant|owner|(created|updated|invited|deleted)_?by|actor|admin|client')
$$;

-- The addresses that a profile holds.
CREATE OR REPLACE FUNCTION users_sync_internal.addresses_in(profile jsonb) RETURNS TEXT[]
  LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(array_agg(DISTINCT lower(leaf.value)), '{}')
    FROM users_sync_internal.json_leaves(profile) AS leaf
   WHERE users_sync_internal.is_own_address(leaf.key, leaf.value, leaf.place)
$$;

DROP FUNCTION IF EXISTS users_sync_internal.erase_user(TEXT, TEXT);

-- One user, now and for good: row, history, and whatever is parked or noted of the user; only the id stays, so that nothing old comes back.
-- In one transaction, and the answer is the proof. The lock makes sure that no event which is being applied has missed the tombstone;
-- it comes after the letters were read, which may take long.
-- The id at the provider, without our prefix, names the user only in the letters of its_provider: one or several, with commas; null: there is no prefix.
CREATE OR REPLACE FUNCTION users_sync_internal.erase_user(user_id TEXT, id_at_provider TEXT, its_provider TEXT, force BOOLEAN) RETURNS jsonb
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  addresses TEXT[] := '{}';
  named     BIGINT[] := '{}';
  unread    BIGINT[] := '{}';
  others    TEXT[];
  letter    RECORD;
  document  jsonb;
  ids       TEXT[];
  rows      BIGINT;
  letters   BIGINT;
  decisions BIGINT;
  until     TIMESTAMPTZ;
  holder    TEXT;
  holder_of TEXT;
  link      TEXT;
BEGIN
  SELECT users_sync_internal.addresses_in(u.raw_json) || CASE WHEN u.email LIKE '%_@_%' THEN ARRAY[lower(u.email)] ELSE '{}' END
    INTO addresses FROM neon_auth.users_sync AS u WHERE u.id = erase_user.user_id;
  addresses := coalesce(addresses, '{}');

  -- Who is named: first by the id, whose profiles there tell former addresses; then by an address.
  FOR letter IN SELECT d.id, d.provider, d.body, d.holds FROM users_sync_internal.dead_letter AS d WHERE length(d.body) > 0 LOOP
    ids := ARRAY[erase_user.user_id] || CASE WHEN its_provider IS NULL OR letter.provider = ANY (string_to_array(its_provider, ',')) AND letter.holds <> 'user event'
                                             THEN ARRAY[coalesce(id_at_provider, erase_user.user_id)] ELSE '{}' END;
    BEGIN
      document := users_sync_internal.json_in(convert_from(letter.body, 'UTF8'));
    EXCEPTION WHEN data_exception THEN
      document := NULL;
    END;
    IF document IS NULL THEN
      unread := unread || letter.id;
    ELSIF users_sync_internal.may_hold(letter.body, ids) AND EXISTS (SELECT FROM users_sync_internal.json_leaves(document) AS leaf WHERE users_sync_internal.is_id(leaf.key, leaf.value, leaf.place, ids)) THEN
      named := named || letter.id;
      -- beside the id and below it
      SELECT array_agg(DISTINCT lower(leaf.value)) INTO others
        FROM users_sync_internal.json_leaves(document) AS leaf
        JOIN users_sync_internal.json_leaves(document) AS own ON own.key ~ '^(id|user_id|userId|sub)$' AND users_sync_internal.is_id(own.key, own.value, own.place, ids)
         AND leaf.place[1:cardinality(own.place) - 1] = own.place[1:cardinality(own.place) - 1]
       WHERE users_sync_internal.is_own_address(leaf.key, leaf.value, leaf.place);
      addresses := addresses || coalesce(others, '{}');
    END IF;
  END LOOP;
  SELECT coalesce(array_agg(DISTINCT address), '{}') INTO addresses FROM unnest(addresses) AS address;
  FOR letter IN SELECT d.id, d.body FROM users_sync_internal.dead_letter AS d WHERE length(d.body) > 0 AND d.id <> ALL (named) LOOP
    BEGIN
      IF letter.id = ANY (unread) THEN
        -- What cannot be read is searched as text; it is told as well, where nothing is found.
        IF EXISTS (SELECT FROM unnest(addresses || CASE WHEN length(erase_user.user_id) >= 8 THEN ARRAY[erase_user.user_id] ELSE '{}' END) AS word
                    WHERE lower(convert_from(letter.body, 'UTF8')) ~ users_sync_internal.alone(word)) THEN
          named := named || letter.id;
          unread := array_remove(unread, letter.id);
        END IF;
      ELSIF users_sync_internal.may_hold(letter.body, addresses) AND EXISTS (
          SELECT FROM users_sync_internal.json_leaves(users_sync_internal.json_in(convert_from(letter.body, 'UTF8'))) AS leaf
            JOIN unnest(addresses) AS address ON position(address IN lower(leaf.value)) > 0 AND lower(leaf.value) ~ users_sync_internal.alone(address)) THEN
        named := named || letter.id;
      END IF;
    EXCEPTION WHEN data_exception THEN
      CONTINUE; -- no text at all: it stays among those that were not read
    END;
  END LOOP;

  LOCK TABLE neon_auth.users_sync IN SHARE ROW EXCLUSIVE MODE;
  SELECT greatest(now(), u.updated_at, u.created_at, u.deleted_at) INTO until FROM neon_auth.users_sync AS u WHERE u.id = erase_user.user_id;
  IF force IS NOT TRUE AND until IS NULL AND cardinality(named) = 0
     AND NOT EXISTS (SELECT FROM users_sync_internal.event_log AS l WHERE l.user_id = erase_user.user_id)
     AND NOT EXISTS (SELECT FROM users_sync_internal.user_to_ask AS a WHERE a.id = erase_user.user_id) THEN
    RAISE EXCEPTION 'user % is not known: there is no row, no history and no dead letter; nothing was erased. With --force a tombstone is left all the same, so that no older event brings the user back',
      erase_user.user_id USING ERRCODE = 'US003';
  END IF;

  INSERT INTO users_sync_internal.tombstone (id, at) VALUES (erase_user.user_id, coalesce(until, now()))
    ON CONFLICT (id) DO UPDATE SET at = greatest(tombstone.at, excluded.at);
  BEGIN
    SET CONSTRAINTS ALL IMMEDIATE; -- a foreign key that waits for the commit must speak here, too
    DELETE FROM neon_auth.users_sync AS u WHERE u.id = erase_user.user_id;
    GET DIAGNOSTICS rows = ROW_COUNT;
  EXCEPTION WHEN foreign_key_violation THEN
    GET STACKED DIAGNOSTICS link = CONSTRAINT_NAME, holder_of = SCHEMA_NAME, holder = TABLE_NAME;
    RAISE EXCEPTION 'user % was not erased: rows of %.% still refer to it by the foreign key %; remove them, or give the key ON DELETE CASCADE or SET NULL',
      erase_user.user_id, holder_of, holder, link USING ERRCODE = 'US002';
  END;
  DELETE FROM users_sync_internal.event_log AS l WHERE l.user_id = erase_user.user_id;
  GET DIAGNOSTICS decisions = ROW_COUNT;
  DELETE FROM users_sync_internal.dead_letter AS d WHERE d.id = ANY (named);
  GET DIAGNOSTICS letters = ROW_COUNT;
  DELETE FROM users_sync_internal.sweep_seen AS s WHERE s.id = erase_user.user_id;
  DELETE FROM users_sync_internal.user_to_ask AS a WHERE a.id = erase_user.user_id;
  -- the lists of ids in the last report
  UPDATE users_sync_internal.poll_state AS p
     SET last_report = (SELECT jsonb_object_agg(r.key, CASE WHEN jsonb_typeof(r.value) = 'array' THEN r.value - erase_user.user_id ELSE r.value END)
                          FROM jsonb_each(p.last_report) AS r)
   WHERE jsonb_path_exists(p.last_report, '$.*[*] ? (@ == $id)', jsonb_build_object('id', erase_user.user_id));
  RETURN jsonb_build_object('id', erase_user.user_id, 'rows_removed', rows, 'decisions_removed', decisions, 'dead_letters_removed', letters,
    'dead_letters_not_read', to_jsonb(unread), 'addresses_looked_for', cardinality(addresses), 'not_accepted_until', coalesce(until, now()),
    'rows_left', (SELECT count(*) FROM neon_auth.users_sync AS u WHERE u.id = erase_user.user_id));
END $$;
