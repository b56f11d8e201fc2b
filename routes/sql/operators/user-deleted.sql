SELECT deleted_at IS NOT NULL AS deleted FROM neon_auth.users_sync WHERE id = :?prefix || :?userId
