/**
 * The SCIM 2.0 server (RFC 7643, RFC 7644), one provider among the others.
 * Imports settings, event, payload, database, resource and client.
 * Public for the other packages, not an API.
 */
package dev.userssync.scim;
