package dev.userssync.settings;

/** A bean or a component that uses secrets and needs the changed ones. Called by one thread at a time. */
public interface SecretUser {

    /**
     * Takes a changed secret; its setting already holds the new one.
     *
     * @param setting such as {@code clerk.webhook.secret}
     * @throws RuntimeException if the new secret cannot be used: the old one stays
     */
    void secretChanged(String setting);
}
