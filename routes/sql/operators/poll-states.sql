SELECT CAST(coalesce(jsonb_agg(to_jsonb(p) - '{changes_cursor,cursor,lease_owner,polled_by,fence}'::text[]
         || jsonb_build_object('missing_ids', (SELECT coalesce(jsonb_agg(id ORDER BY id), '[]')
              FROM (SELECT id FROM users_sync_internal.sweep_seen WHERE provider = p.provider AND fate = 'missing' ORDER BY id LIMIT 100) AS first_ids),
              'users_to_ask', (SELECT coalesce(jsonb_agg(to_jsonb(ask) - 'provider' ORDER BY next_look), '[]')
              FROM (SELECT * FROM users_sync_internal.user_to_ask WHERE provider = p.provider ORDER BY next_look LIMIT 100) AS ask)) ORDER BY provider), '[]') AS text) AS reply
  FROM users_sync_internal.poll_state AS p
