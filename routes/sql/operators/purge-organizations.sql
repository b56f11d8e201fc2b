-- Removes a batch of organizations and memberships that were deleted before the holdback (V13__organizations.sql).
SELECT users_sync_internal.purge_organizations(CAST(:?days AS integer)) AS purged
