SELECT CAST(coalesce((SELECT jsonb_build_object('id', id, 'created_at', created_at, 'updated_at', updated_at, 'deleted_at', deleted_at)
                        FROM neon_auth.users_sync WHERE id = :?prefix || :?userId),
                     jsonb_build_object('id', :?prefix || :?userId, 'row', NULL)) AS text) AS reply
