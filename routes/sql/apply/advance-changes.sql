-- Lets readers of the change feed see what is committed (V16__changes.sql).
SELECT users_sync_internal.advance_changes() AS complete
