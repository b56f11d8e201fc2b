package dev.userssync.verify;

import io.vertx.core.MultiMap;
import java.security.GeneralSecurityException;
import java.util.Map;

/**
 * Checks that a delivery comes from its provider. Each endpoint {@code verify:<scheme>} makes one, and many threads use
 * it at the same time: an implementation must be thread-safe.
 */
public interface VerificationScheme {

    /**
     * Checks one delivery.
     *
     * @param headers the request's own headers; a name may appear several times, and case does not matter
     * @param body the raw bytes, never null
     * @return the verified document: the body itself, or the payload of a signed body
     * @throws SecurityException if the delivery is not proved; the message is logged, so it holds no secret and nothing
     *         of the body
     */
    byte[] verify(MultiMap headers, byte[] body) throws GeneralSecurityException;

    /** Whether deliveries have a signed id, by which a repetition is recognized. */
    default boolean signsDeliveryId() {
        return false;
    }

    /** The id of a verified delivery, for log, history and replay protection; null if no id is signed. */
    default String deliveryId(MultiMap headers) {
        return null;
    }

    /**
     * Signs a document as the provider would, for the sample sender and the tests.
     *
     * @throws IllegalStateException if only the provider can sign, because users-sync does not know its private key
     */
    default Signed sign(byte[] document) throws GeneralSecurityException {
        throw new IllegalStateException("only the provider can sign for this scheme");
    }

    /** A signed delivery: its headers (without Content-Type: JSON) and its body. */
    record Signed(Map<String, String> headers, byte[] body) {

        /** Shows no values, because some schemes send the secret itself. */
        @Override
        public String toString() {
            return "signed in " + headers.keySet();
        }
    }
}
