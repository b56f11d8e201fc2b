-- The provider knows the user: an earlier 404 was too early, and no request follows. An announced deletion stays open.
DELETE FROM users_sync_internal.user_to_ask WHERE provider = :?provider AND id = :?prefix || :?userId AND why <> 'deletion' RETURNING id
