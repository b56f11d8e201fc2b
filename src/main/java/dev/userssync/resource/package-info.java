/**
 * SCIM's resources as documents: their schemas, the forms of their values, filters, paths, and PATCH.
 * Knows neither HTTP nor the database.
 * Imports event.
 * Public for the other packages, not an API.
 */
package dev.userssync.resource;
