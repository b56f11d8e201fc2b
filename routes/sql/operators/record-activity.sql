-- Adds the counts of this instance since its last record. Other instances add theirs to the same minute.
INSERT INTO users_sync_internal.activity AS a
       (provider, minute, applied, duplicate, stale, erased, merged, ignored, parked, refused, retried, last_webhook_at)
SELECT provider, date_trunc('minute', now()), applied, duplicate, stale, erased, merged, ignored, parked, refused, retried,
       CAST(last_webhook_at AS timestamptz)
  FROM jsonb_to_recordset(CAST(:?activity AS jsonb))
       AS counted (provider text, applied bigint, duplicate bigint, stale bigint, erased bigint, merged bigint, ignored bigint,
                   parked bigint, refused bigint, retried bigint, last_webhook_at text)
 ORDER BY provider
ON CONFLICT (provider, minute) DO UPDATE SET
  applied = a.applied + excluded.applied, duplicate = a.duplicate + excluded.duplicate, stale = a.stale + excluded.stale,
  erased = a.erased + excluded.erased, merged = a.merged + excluded.merged, ignored = a.ignored + excluded.ignored,
  parked = a.parked + excluded.parked, refused = a.refused + excluded.refused, retried = a.retried + excluded.retried,
  last_webhook_at = greatest(a.last_webhook_at, excluded.last_webhook_at)
