package dev.userssync.verify;

import io.vertx.core.MultiMap;
import java.security.GeneralSecurityException;
import java.time.Clock;
import java.util.Map;
import java.util.UUID;
import org.apache.camel.BindToRegistry;

/**
 * The verification scheme {@code standard-webhooks}: Standard Webhooks ({@code webhook-*} headers) and Svix
 * ({@code svix-*}). No options. Thread-safe.
 *
 * @see WebhookKeys
 */
@BindToRegistry("standard-webhooks")
public final class StandardWebhooks implements VerificationSchemeFactory {

    @Override
    public VerificationScheme create(SchemeOptions options) {
        return new Keyed(new WebhookKeys(String.join(" ", options.secrets())), options.clock());
    }

    private record Keyed(WebhookKeys keys, Clock clock) implements VerificationScheme {

        @Override
        public byte[] verify(MultiMap headers, byte[] body) throws GeneralSecurityException {
            String family = family(headers);
            keys.verify(
                    SchemeOptions.one(headers, family + "id"),
                    SchemeOptions.one(headers, family + "timestamp"),
                    SchemeOptions.one(headers, family + "signature"),
                    body,
                    clock.instant());
            return body;
        }

        /** A sender uses one family. Like Svix's libraries, users-sync takes Svix's family only if it is complete. */
        private static String family(MultiMap headers) {
            return headers.contains("svix-id")
                            && headers.contains("svix-timestamp")
                            && headers.contains("svix-signature")
                    ? "svix-"
                    : "webhook-";
        }

        @Override
        public boolean signsDeliveryId() {
            return true;
        }

        /** The signed id, whatever the other family holds. */
        @Override
        public String deliveryId(MultiMap headers) {
            return headers.get(family(headers) + "id");
        }

        @Override
        public Signed sign(byte[] document) throws GeneralSecurityException {
            String id = "msg_" + UUID.randomUUID();
            long timestamp = clock.instant().getEpochSecond();
            return new Signed(
                    Map.of(
                            "webhook-id",
                            id,
                            "webhook-timestamp",
                            Long.toString(timestamp),
                            "webhook-signature",
                            keys.sign(id, timestamp, document)),
                    document);
        }
    }
}
