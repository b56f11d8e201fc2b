-- The accounts that an Auth0 event links to its user or unlinks: {"linked": [id], "unlinked": [{"id", "at"}]}, ids
-- without the prefix.
-- Linked: the table still shows the account. Unlinked: the user's row still names the account, and the account is
-- deleted there.
-- at: just newer than the deletion, so that the account's own events win. An event older than the user's row changes
-- nothing.
WITH event AS (
  SELECT * FROM jsonb_to_record(CAST(:?event AS jsonb)) AS event (id text, version timestamptz, at timestamptz, links jsonb)
), known AS (
  SELECT event.*, CASE WHEN jsonb_typeof(u.raw_json -> 'identities') = 'array' THEN u.raw_json -> 'identities' ELSE '[]' END AS identities
    FROM event LEFT JOIN neon_auth.users_sync AS u ON u.id = :?prefix || event.id
   WHERE (coalesce(u.updated_at, u.created_at) > event.version) IS NOT TRUE
)
SELECT CAST(jsonb_build_object(
         'linked', coalesce((SELECT jsonb_agg(link)
                               FROM known CROSS JOIN jsonb_array_elements_text(links) AS link
                               JOIN neon_auth.users_sync AS u ON u.id = :?prefix || link
                              WHERE u.deleted_at IS NULL), '[]'),
         'unlinked', coalesce((SELECT jsonb_agg(jsonb_build_object('id', link, 'at', to_char((u.deleted_at + interval '1 microsecond') AT TIME ZONE 'UTC',
                                                                                             'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')))
                                 FROM known CROSS JOIN jsonb_array_elements(identities - 0) AS old
                                 CROSS JOIN concat(old ->> 'provider', '|', old ->> 'user_id') AS link
                                 JOIN neon_auth.users_sync AS u ON u.id = :?prefix || link
                                WHERE NOT jsonb_exists(links, link) AND u.deleted_at < known.at), '[]')) AS text) AS accounts
