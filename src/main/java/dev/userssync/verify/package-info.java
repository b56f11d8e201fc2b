/**
 * Proves that a delivery comes from its provider.
 * Imports settings, event and http.
 * Public for the other packages, not an API.
 */
package dev.userssync.verify;
