/**
 * The operator's side of a running instance: console and management API.
 * Imports settings, http, event, verify, database, provider, observe and client.
 * Public for the other packages, not an API.
 */
package dev.userssync.management;
