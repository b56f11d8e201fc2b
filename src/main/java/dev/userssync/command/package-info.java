/**
 * The command line, one class per verb.
 * Imports database.
 * Public for the other packages, not an API.
 */
package dev.userssync.command;
