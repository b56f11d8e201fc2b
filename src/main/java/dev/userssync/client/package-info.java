/**
 * SCIM clients: whose token a request brings, and which ids belong to whom.
 * Imports settings, event and database.
 * Public for the other packages, not an API.
 */
package dev.userssync.client;
