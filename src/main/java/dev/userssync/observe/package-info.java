/**
 * Observability of users-sync: metrics, freshness, log lines, health and traces.
 * Imports settings, event, verify, apply and database.
 * Public for the other packages, not an API.
 */
package dev.userssync.observe;
