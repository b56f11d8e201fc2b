/**
 * Calls a provider's API: for one user, for a page of users, and for a missing user.
 * Imports settings, event, http and database.
 * Public for the other packages, not an API.
 */
package dev.userssync.provider;
