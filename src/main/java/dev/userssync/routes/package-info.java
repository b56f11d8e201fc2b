/**
 * Checks the routes before they run, and takes an edited folder while users-sync runs.
 * Imports settings.
 * Public for the other packages, not an API.
 */
package dev.userssync.routes;
