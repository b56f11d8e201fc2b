//DEPS org.bitbucket.b_c:jose4j:0.9.7
package dev.userssync.verify;

import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import org.jose4j.jwt.JwtClaims;
import org.jose4j.jwt.MalformedClaimException;
import org.jose4j.jwt.NumericDate;
import org.jose4j.jwt.consumer.InvalidJwtException;

/**
 * Checks the claims of a signed JWT (RFC 7519 §4.1). It checks {@code exp}, {@code nbf} and {@code iat} if they are
 * present. It checks the settings {@code <provider>.jwt.issuer} and {@code <provider>.jwt.audience} and the option
 * subject if they are set. A provider signs access tokens with the keys of its webhooks, so each scheme requires the
 * subject or claim that only a webhook has. Thread-safe.
 *
 * @param issuer the only {@code iss}, or "" for any
 * @param audience one of {@code aud}, or "" for any
 * @param subject the only {@code sub}, or "" for any
 * @param time the claim with the time of the delivery, ISO 8601 or NumericDate, then required; "" for none
 * @param tolerance how many seconds that time and {@code iat} may be before or after our clock
 */
record JwtClaimRules(String issuer, String audience, String subject, String time, long tolerance, Clock clock) {

    /** The leeway of {@code exp} and {@code nbf}, because the clocks of two machines differ. */
    private static final Duration LEEWAY = Duration.ofSeconds(30);

    static JwtClaimRules of(SchemeOptions options) {
        if (options.tolerance() < 1) {
            throw options.wrong("tolerance", "must be at least 1 second");
        }
        return new JwtClaimRules(
                options.setting(".jwt.issuer"),
                options.setting(".jwt.audience"),
                options.subject(),
                options.time(),
                options.tolerance(),
                options.clock());
    }

    /**
     * @param payload the payload of a verified signature
     * @throws SecurityException if the claims break a rule; the message holds ages but no other values
     */
    JwtClaims check(byte[] payload) {
        try {
            JwtClaims claims = JwtClaims.parse(new String(payload, StandardCharsets.UTF_8));
            expect("iss", issuer.isEmpty() || issuer.equals(claims.getIssuer()));
            expect("aud", audience.isEmpty() || claims.getAudience().contains(audience));
            expect("sub", subject.isEmpty() || subject.equals(claims.getSubject()));
            checkTimes(claims);
            return claims;
        } catch (InvalidJwtException | MalformedClaimException | DateTimeException e) {
            throw new Refused(
                    Refused.Reason.SIGNATURE,
                    "the claims of the token cannot be read"); // their message would show them
        }
    }

    private static void expect(String claim, boolean met) {
        if (!met) {
            throw new Refused(Refused.Reason.SIGNATURE, "the claim " + claim + " is not the configured one");
        }
    }

    private void checkTimes(JwtClaims claims) throws MalformedClaimException {
        Instant now = clock.instant();
        NumericDate expiry = claims.getExpirationTime();
        if (expiry != null && now.isAfter(instant(expiry).plus(LEEWAY))) {
            throw new Refused(Refused.Reason.AGE, "the token has expired");
        }
        NumericDate start = claims.getNotBefore();
        if (start != null && now.isBefore(instant(start).minus(LEEWAY))) {
            throw new Refused(Refused.Reason.AGE, "the token is not valid yet");
        }
        NumericDate issued = claims.getIssuedAt();
        if (issued != null) {
            DeliveryAge.check(instant(issued), now, tolerance);
        }
        if (!time.isEmpty()) {
            if (!claims.hasClaim(time)) {
                throw new Refused(Refused.Reason.AGE, "the token has no " + time);
            }
            DeliveryAge.check(
                    claims.isClaimValueString(time)
                            ? OffsetDateTime.parse(claims.getStringClaimValue(time))
                                    .toInstant()
                            : instant(claims.getNumericDateClaimValue(time)),
                    now,
                    tolerance);
        }
    }

    private static Instant instant(NumericDate date) {
        return Instant.ofEpochSecond(date.getValue());
    }
}
