-- The row of a fetched user. asked_again_at: the provider's API did not know the user, and users-sync asks again then.
SELECT CAST(jsonb_build_object('id', u.id, 'created_at', u.created_at, 'updated_at', u.updated_at, 'deleted_at', u.deleted_at)
            || CASE WHEN ask.id IS NULL THEN '{}' ELSE jsonb_build_object('asked_again_at', ask.next_look) END AS text) AS reply
  FROM neon_auth.users_sync AS u
  LEFT JOIN users_sync_internal.user_to_ask AS ask ON ask.provider = :?provider AND ask.id = u.id
 WHERE u.id = :?prefix || :?userId
