package dev.userssync.verify;

import dev.userssync.settings.Providers;
import dev.userssync.settings.Setting;
import dev.userssync.settings.StartupFailure;
import io.vertx.core.MultiMap;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * The input of a verification scheme: the options of a {@code verify:} endpoint, the settings of its provider and a
 * clock. Immutable.
 *
 * @param scheme the name of the factory's bean
 * @param header null or blank if the endpoint names none
 * @param tolerance seconds
 * @param settings reads a setting by its full name; "" if it is not set
 */
public record SchemeOptions(
        String scheme,
        String provider,
        String header,
        String algorithm,
        Encoding encoding,
        String prefix,
        Timestamp timestamp,
        long tolerance,
        String timestampHeader,
        String keyIdHeader,
        String token,
        String time,
        String subject,
        UnaryOperator<String> settings,
        Clock clock) {

    /** The format of the time that is signed with the body. */
    public enum Timestamp {
        NONE,
        SECONDS,
        MILLISECONDS;

        /** @param epoch the time since 1970, in this unit */
        Instant instant(long epoch) {
            return this == SECONDS ? Instant.ofEpochSecond(epoch) : Instant.ofEpochMilli(epoch);
        }
    }

    /** The encoding of a signature. */
    public enum Encoding {
        HEX,
        BASE64
    }

    /**
     * Names a wrong option, its provider and its scheme to the author of the route; a {@link VerificationSchemeFactory}
     * throws it.
     */
    public StartupFailure wrong(String option, String how) {
        String setting = provider + ".webhook." + option;
        String variable = setting(".webhook." + option).isEmpty() ? "" : " (" + Setting.variable(setting) + ")";
        return new StartupFailure("provider " + provider + ", verification scheme " + scheme + ": the option " + option
                + variable + " " + how);
    }

    /** Another setting of the provider, "" if it is not set. The name starts with the dot after the provider. */
    public String setting(String name) {
        return settings.apply(provider + name);
    }

    /** The setting {@code <provider>.webhook.secret}, not split. */
    public String secret() {
        return setting(Providers.SECRET);
    }

    /**
     * The secrets in {@code <provider>.webhook.secret}, separated by space or comma: all are accepted (rotation).
     *
     * @throws IllegalArgumentException if there is none
     */
    public List<String> secrets() {
        List<String> secrets = List.of(secret().split("[\\s,]+")).stream()
                .filter(secret -> !secret.isEmpty())
                .toList();
        if (secrets.isEmpty()) {
            throw new IllegalArgumentException("no secret is set");
        }
        return secrets;
    }

    /** The option header, for a scheme that has a usual header. */
    public String headerOr(String usual) {
        return header == null || header.isBlank() ? usual : header;
    }

    /** The option header, for a scheme that requires it. */
    public String requiredHeader() {
        if (headerOr("").isEmpty()) {
            throw wrong("header", "is missing");
        }
        return header;
    }

    /**
     * The value of a header that appears once.
     *
     * @throws SecurityException if it is missing, blank or appears more than once
     */
    public static String one(MultiMap headers, String name) {
        List<String> values = headers.getAll(name);
        if (values.size() != 1 || values.get(0).isBlank()) {
            throw new Refused(
                    Refused.Reason.HEADER,
                    "header " + name + (values.size() > 1 ? " appears more than once" : " is missing"));
        }
        return values.get(0);
    }
}
