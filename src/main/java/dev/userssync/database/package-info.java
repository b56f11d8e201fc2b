/**
 * The database: opens, migrates or embeds it, and lets it sleep while nobody needs it.
 * Imports settings.
 * Public for the other packages, not an API.
 */
package dev.userssync.database;
