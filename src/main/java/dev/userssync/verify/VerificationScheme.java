package dev.userssync.verify;

import io.vertx.core.MultiMap;
import java.security.GeneralSecurityException;
import java.util.Map;

/**
 * How one provider proves that a delivery comes from it; made once for an endpoint {@code verify:<scheme>} and then used by many
 * threads at the same time, so an implementation is thread-safe.
 */
public interface VerificationScheme {

    /**
     * Checks one delivery.
     *
     * @param headers the request's own headers; a name may appear several times, and case does not matter
     * @param body    the raw bytes, never null
     * @return the verified document: the body itself, or what a signed body carries
     * @throws SecurityException when the delivery is not proved; the message is logged and holds no secret and nothing of the body
     */
    byte[] verify(MultiMap headers, byte[] body) throws GeneralSecurityException;

    /** Whether deliveries have an id that is signed, so that one can be told from its repetition. */
    default boolean signsDeliveryId() {
        return false;
    }

    /** The id of a delivery that was verified, for log, history and replay protection; null where none is signed. */
    default String deliveryId(MultiMap headers) {
        return null;
    }

    /**
     * Signs a document as the provider would, for the sample sender and the tests.
     *
     * @throws IllegalStateException when only the provider can sign, because its private key is not known here
     */
    default Signed sign(byte[] document) throws GeneralSecurityException {
        throw new IllegalStateException("only the provider can sign for this scheme");
    }

    /** A signed delivery: its headers (without Content-Type: JSON) and its body. */
    record Signed(Map<String, String> headers, byte[] body) {

        /** Without the values: some schemes send the secret itself. */
        @Override
        public String toString() {
            return "signed in " + headers.keySet();
        }
    }
}
