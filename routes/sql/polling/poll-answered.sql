DELETE FROM users_sync_internal.user_to_ask WHERE provider = :?provider AND id = :?id
