/**
 * The operator's side of a running instance: the management API, and what the console shares with it.
 * Imports settings, http, event, verify, database, provider, observe and client.
 * Public for the other packages, not an API.
 */
package dev.userssync.management;
