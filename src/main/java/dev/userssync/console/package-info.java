/**
 * The console: its pages, its sessions and the indexes of its search.
 * Imports settings, event, database, observe and management.
 * Public for the other packages, not an API.
 */
package dev.userssync.console;
