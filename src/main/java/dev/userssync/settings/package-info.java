/**
 * The operator's settings, checked before anything starts.
 * Imports no other package of users-sync.
 * Public for the other packages, not an API.
 */
package dev.userssync.settings;
