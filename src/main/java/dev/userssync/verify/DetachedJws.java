package dev.userssync.verify;

import io.vertx.core.MultiMap;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.camel.BindToRegistry;

/**
 * The verification scheme {@code detached-jws}: one header holds a JWS without its payload ({@code header..signature},
 * RFC 7515 appendix F), another header the time. The signature covers {@code <time>.<body in base64url>}. Options:
 * header, timestampHeader, timestamp (its unit), keyIdHeader, algorithm, tolerance. Thread-safe.
 *
 * @see <a href="https://neon.com/docs/auth/guides/webhooks#signature-verification">Neon Auth: signature
 *         verification</a>
 */
@BindToRegistry("detached-jws")
public final class DetachedJws implements VerificationSchemeFactory {

    private static final Pattern DETACHED = Pattern.compile("([\\w-]+)\\.\\.([\\w-]+)");
    private static final Base64.Encoder BASE64URL = Base64.getUrlEncoder().withoutPadding();

    @Override
    public VerificationScheme create(SchemeOptions options) {
        if (options.timestampHeader().isBlank()) {
            throw options.wrong("timestampHeader", "is missing");
        }
        if (options.timestamp() == SchemeOptions.Timestamp.NONE) {
            throw options.wrong("timestamp", "must be seconds or milliseconds");
        }
        if (options.tolerance() < 1) {
            throw options.wrong("tolerance", "must be at least 1 second");
        }
        return new Keyed(
                new PinnedJws(options),
                options.requiredHeader(),
                options.timestampHeader(),
                options.timestamp(),
                options.keyIdHeader(),
                options.tolerance(),
                options.clock());
    }

    private record Keyed(
            PinnedJws signature,
            String header,
            String timeHeader,
            SchemeOptions.Timestamp unit,
            String keyIdHeader,
            long tolerance,
            Clock clock)
            implements VerificationScheme {

        @Override
        public byte[] verify(MultiMap headers, byte[] body) {
            Matcher detached =
                    DETACHED.matcher(SchemeOptions.one(headers, header).strip());
            if (!detached.matches()) {
                throw new Refused(Refused.Reason.HEADER, "header " + header + " is not a detached JWS");
            }
            String time = SchemeOptions.one(headers, timeHeader).strip();
            checkAge(time);
            String payload = time + "." + BASE64URL.encodeToString(body);
            String keyId = keyIdHeader.isEmpty() || !headers.contains(keyIdHeader)
                    ? null
                    : SchemeOptions.one(headers, keyIdHeader).strip();
            signature.verified(
                    detached.group(1) + "." + BASE64URL.encodeToString(payload.getBytes(StandardCharsets.US_ASCII))
                            + "." + detached.group(2),
                    keyId);
            return body;
        }

        private void checkAge(String time) {
            if (!time.matches("\\d{1,15}")) {
                throw new Refused(Refused.Reason.HEADER, "header " + timeHeader + " is not a time");
            }
            DeliveryAge.check(unit.instant(Long.parseLong(time)), clock.instant(), tolerance);
        }
    }
}
