SELECT CAST(coalesce(jsonb_agg(to_jsonb(p) - '{changes_cursor,cursor,lease_owner,fence}'::text[] ORDER BY provider), '[]') AS text) AS reply
  FROM users_sync_internal.poll_state AS p
