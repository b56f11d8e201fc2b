/**
 * Reactions: routes of an integrator that receive each change after its commit.
 * Imports settings, event, verify and database.
 * Public for the other packages, not an API.
 */
package dev.userssync.reaction;
