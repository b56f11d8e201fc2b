-- Ends the memberships of an organization or user that its complete list lacks (V13__organizations.sql).
SELECT users_sync_internal.list_memberships(:?owner, :?id, CAST(:?ids AS text[]), CAST(:?at AS timestamptz)) AS ended
