/**
 * The database: opened, migrated, embedded, and left alone while nobody needs it.
 * Imports settings.
 * Public for the other packages, not an API.
 */
package dev.userssync.database;
