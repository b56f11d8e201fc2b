/**
 * The command line, one class per verb.
 * Imports settings and database.
 * Public for the other packages, not an API.
 */
package dev.userssync.command;
