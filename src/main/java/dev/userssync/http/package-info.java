/**
 * HTTP beyond Camel and the JDK: an asynchronous engine, limits for slow clients and large answers.
 * Imports no other package of users-sync.
 * Public for the other packages, not an API.
 */
package dev.userssync.http;
