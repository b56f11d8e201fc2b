package dev.userssync.settings;

/** Uses secrets and must learn of a new one; a bean or a component. Called by one thread at a time. */
public interface SecretUser {

    /**
     * A secret changed, and its setting holds the new one already.
     *
     * @param setting such as {@code clerk.webhook.secret}
     * @throws RuntimeException if the new secret cannot be used: the old one stays
     */
    void secretChanged(String setting);
}
