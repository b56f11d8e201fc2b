/**
 * User events: their form, how two of them merge, and why one fails.
 * Imports settings.
 * Public for the other packages, not an API.
 */
package dev.userssync.event;
