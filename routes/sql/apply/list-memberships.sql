-- Ends the memberships of an organization or user that its complete list lacks (V13__organizations.sql).
WITH ended AS MATERIALIZED (
  SELECT unnest(users_sync_internal.list_memberships(:?owner, :?id, CAST(:?ids AS text[]), CAST(:?at AS timestamptz))) AS id
), logged AS (
  INSERT INTO users_sync_internal.event_log (user_id, provider, type, decision, version, delivery, entity)
  SELECT id, :?provider, 'deleted', 'applied', CAST(:?at AS timestamptz) - interval '1 microsecond', :?delivery, 'membership'
    FROM ended
   WHERE CAST(:?log AS boolean)
)
SELECT count(*) AS ended FROM ended
