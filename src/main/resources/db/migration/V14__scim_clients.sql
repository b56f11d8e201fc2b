-- SCIM clients: each pushes the users of one organization, with tokens of its own. The ids of its users and groups start with its prefix, and no other
-- client reaches them.
SET LOCAL client_min_messages = warning;

CREATE TABLE users_sync_internal.scim_client (
  name            TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL,
  id_prefix       TEXT NOT NULL,
  created_at      TIMESTAMPTZ NOT NULL DEFAULT now(),
  removed_at      TIMESTAMPTZ -- its rows stay, and nobody else gets them
);
-- No prefix starts with another one. So of all prefixes that are not greater than an id, only the greatest can be the start of the id.
CREATE UNIQUE INDEX scim_client_id_prefix_idx ON users_sync_internal.scim_client (id_prefix COLLATE "C");

CREATE TABLE users_sync_internal.scim_token (
  hash       TEXT PRIMARY KEY, -- SHA-256 in hexadecimal; the token itself is random and is kept nowhere
  client     TEXT NOT NULL REFERENCES users_sync_internal.scim_client (name),
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  ends_at    TIMESTAMPTZ,      -- null: not yet rotated
  used_at    TIMESTAMPTZ       -- to the hour
);
CREATE INDEX scim_token_client_idx ON users_sync_internal.scim_token (client);

-- The SCIM client whose prefix starts an id; null if there is none.
CREATE FUNCTION users_sync_internal.scim_client_of(id TEXT) RETURNS TEXT
  LANGUAGE sql STABLE
  RETURN (SELECT CASE WHEN starts_with(scim_client_of.id, c.id_prefix) THEN c.name END
            FROM users_sync_internal.scim_client AS c
           WHERE c.id_prefix COLLATE "C" <= scim_client_of.id
           ORDER BY c.id_prefix COLLATE "C" DESC
           LIMIT 1);

-- Whether two clients or providers could make the same ids.
CREATE FUNCTION users_sync_internal.prefixes_clash(one TEXT, other TEXT) RETURNS BOOLEAN
  LANGUAGE sql IMMUTABLE
  RETURN starts_with(one, other) OR starts_with(other, one);

-- Adds a SCIM client and its first token. A client that was removed returns with its organization and prefix. Writes the organization, unless there is a
-- row with its id already: then a provider keeps it.
CREATE FUNCTION users_sync_internal.add_scim_client(new_name TEXT, organization TEXT, organization_name TEXT, prefix TEXT, token_hash TEXT) RETURNS VOID
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  known users_sync_internal.scim_client;
  other users_sync_internal.scim_client;
  taken TEXT;
BEGIN
  LOCK TABLE users_sync_internal.scim_client IN SHARE ROW EXCLUSIVE MODE;
  SELECT * INTO known FROM users_sync_internal.scim_client AS c WHERE c.name = new_name;
  IF known.name IS NOT NULL AND known.removed_at IS NULL THEN
    RAISE EXCEPTION 'there is a SCIM client % already; a new token: users-sync scim-client rotate %', new_name, new_name USING ERRCODE = 'US004';
  END IF;
  IF known.name IS NOT NULL AND (known.organization_id, known.id_prefix) <> (organization, prefix) THEN
    RAISE EXCEPTION 'the SCIM client % was removed, and its rows stay: add it again with --organization % --prefix %, or choose another name',
      new_name, known.organization_id, known.id_prefix USING ERRCODE = 'US004';
  END IF;
  SELECT * INTO other FROM users_sync_internal.scim_client AS c
   WHERE c.name <> new_name AND users_sync_internal.prefixes_clash(c.id_prefix, prefix) LIMIT 1;
  IF other.name IS NOT NULL THEN
    RAISE EXCEPTION 'the prefix % and the prefix % of the SCIM client % could start the same ids: choose a prefix of which neither starts with the other',
      prefix, other.id_prefix, other.name USING ERRCODE = 'US004';
  END IF;
  -- Two memberships must not share an id, which is <organization>:<prefix><id at the client>.
  SELECT * INTO other FROM users_sync_internal.scim_client AS c
   WHERE c.name <> new_name AND users_sync_internal.prefixes_clash(c.organization_id || ':' || c.id_prefix, organization || ':' || prefix) LIMIT 1;
  IF other.name IS NOT NULL THEN
    RAISE EXCEPTION 'memberships of this client and of the SCIM client % could have the same ids: choose another prefix', other.name USING ERRCODE = 'US004';
  END IF;
  IF EXISTS (SELECT FROM neon_auth.organizations_sync AS o
              WHERE o.id = organization AND o.raw_json @> '{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"]}') THEN
    RAISE EXCEPTION 'the organization % is a group that a SCIM client pushes, and its members would show there: choose another', organization
      USING ERRCODE = 'US004';
  END IF;
  IF known.name IS NULL THEN
    SELECT u.id INTO taken FROM neon_auth.users_sync AS u WHERE starts_with(u.id, prefix) LIMIT 1;
    IF taken IS NULL THEN
      SELECT o.id INTO taken FROM neon_auth.organizations_sync AS o WHERE starts_with(o.id, prefix) LIMIT 1;
    END IF;
    IF taken IS NULL THEN
      SELECT m.user_id INTO taken FROM neon_auth.memberships_sync AS m WHERE starts_with(m.user_id, prefix) LIMIT 1;
    END IF;
    IF taken IS NOT NULL THEN
      RAISE EXCEPTION 'the tables hold the id % already, which starts with %: choose another prefix', taken, prefix USING ERRCODE = 'US004';
    END IF;
  END IF;
  PERFORM set_config('users_sync.provider', 'scim', true);
  INSERT INTO neon_auth.organizations_sync (id, raw_json, kind, name, created_at, updated_at)
  VALUES (organization, jsonb_build_object('id', organization, 'name', organization_name), 'organization', organization_name, now(), now())
  ON CONFLICT (id) DO NOTHING;
  INSERT INTO users_sync_internal.scim_client AS c (name, organization_id, id_prefix) VALUES (new_name, organization, prefix)
    ON CONFLICT (name) DO UPDATE SET removed_at = NULL;
  INSERT INTO users_sync_internal.scim_token (hash, client) VALUES (token_hash, new_name);
END $$;

-- Gives a SCIM client a new token. Its other tokens end after the given time.
CREATE FUNCTION users_sync_internal.rotate_scim_client(client_name TEXT, token_hash TEXT, keep INTERVAL) RETURNS VOID
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM FROM users_sync_internal.scim_client AS c WHERE c.name = client_name AND c.removed_at IS NULL FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no SCIM client %; users-sync scim-client list names them', client_name USING ERRCODE = 'US004';
  END IF;
  DELETE FROM users_sync_internal.scim_token AS t WHERE t.client = client_name AND t.ends_at <= now();
  UPDATE users_sync_internal.scim_token AS t SET ends_at = least(t.ends_at, now() + keep) WHERE t.client = client_name;
  INSERT INTO users_sync_internal.scim_token (hash, client) VALUES (token_hash, client_name);
END $$;

-- Ends the tokens of a SCIM client. Its rows stay.
CREATE FUNCTION users_sync_internal.remove_scim_client(client_name TEXT) RETURNS VOID
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE users_sync_internal.scim_client AS c SET removed_at = now() WHERE c.name = client_name AND c.removed_at IS NULL;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no SCIM client %; users-sync scim-client list names them', client_name USING ERRCODE = 'US004';
  END IF;
  DELETE FROM users_sync_internal.scim_token AS t WHERE t.client = client_name;
END $$;
