-- Per provider: its events by outcome, in the last hour and the last day.
SELECT provider, max(last_webhook_at) AS last_webhook_at,
       CAST(sum(applied) FILTER (WHERE hour) AS bigint) AS applied_hour, CAST(sum(applied) AS bigint) AS applied_day,
       CAST(sum(duplicate + stale + merged + ignored) FILTER (WHERE hour) AS bigint) AS nothing_to_do_hour,
       CAST(sum(duplicate + stale + merged + ignored) AS bigint) AS nothing_to_do_day,
       CAST(sum(parked) FILTER (WHERE hour) AS bigint) AS parked_hour, CAST(sum(parked) AS bigint) AS parked_day,
       CAST(sum(refused) FILTER (WHERE hour) AS bigint) AS refused_hour, CAST(sum(refused) AS bigint) AS refused_day,
       CAST(sum(retried) FILTER (WHERE hour) AS bigint) AS retried_hour, CAST(sum(retried) AS bigint) AS retried_day
  FROM (SELECT *, minute > now() - interval '1 hour' AS hour FROM users_sync_internal.activity WHERE minute > now() - interval '1 day') AS a
 GROUP BY provider
 ORDER BY provider
