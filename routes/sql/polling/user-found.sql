-- The provider knows the user: a 404 before was early, and the question is over. An announced deletion is still waited for.
DELETE FROM users_sync_internal.user_to_ask WHERE provider = :?provider AND id = :?prefix || :?userId AND why <> 'deletion' RETURNING id
