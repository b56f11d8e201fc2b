package dev.userssync.verify;

import dev.userssync.settings.Providers;
import dev.userssync.settings.Setting;
import dev.userssync.settings.StartupFailure;
import io.vertx.core.MultiMap;
import java.time.Clock;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * What a verification scheme is made from: the options of a {@code verify:} endpoint, the settings of its provider and a clock. Immutable.
 *
 * @param scheme the name of the factory's bean
 * @param header null or blank where the endpoint names none
 * @param tolerance seconds
 * @param settings reads a setting by its whole name; "" when it is not set
 */
public record SchemeOptions(String scheme, String provider, String header, String algorithm, Encoding encoding, String prefix, Timestamp timestamp, long tolerance,
        String timestampHeader, String keyIdHeader, String token, String time, String subject, UnaryOperator<String> settings, Clock clock) {

    /** How the time is written that is signed together with the body. */
    public enum Timestamp { NONE, SECONDS, MILLISECONDS }

    /** How the bytes of a signature are written. */
    public enum Encoding { HEX, BASE64 }

    /** Names a wrong option, its provider and its scheme for whoever wrote it; for a {@link VerificationSchemeFactory} to throw. */
    public StartupFailure wrong(String option, String how) {
        String setting = provider + ".webhook." + option;
        String variable = setting(".webhook." + option).isEmpty() ? "" : " (" + Setting.variable(setting) + ")";
        return new StartupFailure("provider " + provider + ", verification scheme " + scheme + ": the option " + option + variable + " " + how);
    }

    /** Another setting of the provider: its name without the provider, with the dot; "" when it is not set. */
    public String setting(String name) {
        return settings.apply(provider + name);
    }

    /** The setting {@code <provider>.webhook.secret} as it stands there. */
    public String secret() {
        return setting(Providers.SECRET);
    }

    /**
     * The secrets in {@code <provider>.webhook.secret}, separated by space or comma: all are accepted (rotation).
     *
     * @throws IllegalArgumentException if there is none
     */
    public List<String> secrets() {
        List<String> secrets = List.of(secret().split("[\\s,]+")).stream().filter(secret -> !secret.isEmpty()).toList();
        if (secrets.isEmpty()) {
            throw new IllegalArgumentException("no secret is set");
        }
        return secrets;
    }

    /** The option header, for a scheme that knows where to look without it. */
    public String headerOr(String usual) {
        return header == null || header.isBlank() ? usual : header;
    }

    /** The option header, for a scheme that cannot do without. */
    public String requiredHeader() {
        if (headerOr("").isEmpty()) {
            throw wrong("header", "is missing");
        }
        return header;
    }

    /**
     * The only value of a header.
     *
     * @throws SecurityException if it is missing, blank or there more than once
     */
    public static String one(MultiMap headers, String name) {
        List<String> values = headers.getAll(name);
        if (values.size() != 1 || values.get(0).isBlank()) {
            throw new Refused(Refused.Reason.HEADER, "header " + name + (values.size() > 1 ? " appears more than once" : " is missing"));
        }
        return values.get(0);
    }
}
