/**
 * From a checked event to the statement: micro-batches, and records of the topic.
 * Imports event.
 * Public for the other packages, not an API.
 */
package dev.userssync.apply;
