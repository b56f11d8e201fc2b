/**
 * What a delivery holds before it is an event: secrets are dropped, then the provider's mapping reads it.
 * Imports settings and event.
 * Public for the other packages, not an API.
 */
package dev.userssync.payload;
