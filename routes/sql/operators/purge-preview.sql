-- The rows that a purge would remove, as JSON: users, and by table the rows that ON DELETE CASCADE would remove.
-- null: this role may not count them.
WITH doomed AS (
  SELECT count(*) AS users FROM neon_auth.users_sync WHERE deleted_at < now() - make_interval(days => CAST(:?days AS integer))
),
link AS (
  SELECT c.conrelid::regclass AS child, c.confdeltype AS action,
         CASE WHEN has_table_privilege(c.conrelid, 'SELECT') THEN
           CAST(CAST((xpath('/row/n/text()', query_to_xml(format(
             'SELECT count(*) AS n FROM %s WHERE %I IN (SELECT id FROM neon_auth.users_sync WHERE deleted_at < now() - make_interval(days => %s))',
             c.conrelid::regclass, a.attname, CAST(:?days AS integer)), false, true, '')))[1] AS text) AS bigint) END AS rows
    FROM pg_constraint AS c
    JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
   WHERE c.confrelid = 'neon_auth.users_sync'::regclass AND c.contype = 'f' AND c.conparentid = 0 AND cardinality(c.conkey) = 1
)
SELECT CAST(jsonb_build_object('would_purge', users,
         'rows_that_cascade', coalesce((SELECT jsonb_agg(child || ': ' || coalesce(rows::text, 'not counted, SELECT is not granted') ORDER BY child::text)
                                          FROM link WHERE action = 'c'), '[]'),
         'rows_that_keep_a_user', coalesce((SELECT jsonb_agg(child || ': ' || coalesce(rows::text, 'not counted, SELECT is not granted') ORDER BY child::text)
                                              FROM link WHERE action IN ('a', 'r')), '[]')) AS text) AS preview
  FROM doomed
