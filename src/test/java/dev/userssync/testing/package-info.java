/** Helpers of the tests: the application in this JVM or its own, databases, brokers, providers and their signatures. */
package dev.userssync.testing;
