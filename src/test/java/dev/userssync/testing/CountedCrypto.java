package dev.userssync.testing;

import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.InvalidKeyException;
import java.security.Key;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.PublicKey;
import java.security.Security;
import java.security.Signature;
import java.security.SignatureException;
import java.security.SignatureSpi;
import java.security.spec.AlgorithmParameterSpec;
import java.util.concurrent.atomic.AtomicInteger;
import javax.crypto.Mac;
import javax.crypto.MacSpi;

/**
 * Counts the HMACs and ed25519 verifications of this JVM while it is open. The JDK's own implementations do the work.
 */
public final class CountedCrypto implements AutoCloseable {

    public static final AtomicInteger MACS = new AtomicInteger();
    public static final AtomicInteger VERIFICATIONS = new AtomicInteger();

    private static final String NAME = "users-sync-counts";

    public CountedCrypto() {
        MACS.set(0);
        VERIFICATIONS.set(0);
        Provider counting = new Provider(NAME, "1", "counts") {};
        counting.put("Mac.HmacSHA256", Sha256.class.getName());
        counting.put("Mac.HmacSHA1", Sha1.class.getName());
        counting.put("Signature.Ed25519", Ed25519.class.getName());
        Security.insertProviderAt(counting, 1);
    }

    @Override
    public void close() {
        Security.removeProvider(NAME);
    }

    /** Java looks this class up by name. */
    public static final class Sha256 extends Counted {
        public Sha256() throws GeneralSecurityException {
            super("HmacSHA256");
        }
    }

    /** Java looks this class up by name. */
    public static final class Sha1 extends Counted {
        public Sha1() throws GeneralSecurityException {
            super("HmacSHA1");
        }
    }

    private abstract static class Counted extends MacSpi {

        private final Mac mac;

        public Counted(String algorithm) throws GeneralSecurityException {
            mac = Mac.getInstance(algorithm, "SunJCE");
        }

        @Override
        protected int engineGetMacLength() {
            return mac.getMacLength();
        }

        @Override
        protected void engineInit(Key key, AlgorithmParameterSpec parameters) throws InvalidKeyException {
            mac.init(key);
        }

        @Override
        protected void engineUpdate(byte input) {
            mac.update(input);
        }

        @Override
        protected void engineUpdate(byte[] input, int offset, int length) {
            mac.update(input, offset, length);
        }

        @Override
        protected void engineUpdate(ByteBuffer input) {
            mac.update(input);
        }

        @Override
        protected byte[] engineDoFinal() {
            MACS.incrementAndGet();
            return mac.doFinal();
        }

        @Override
        protected void engineReset() {
            mac.reset();
        }
    }

    /** Java looks this class up by name. */
    public static final class Ed25519 extends SignatureSpi {

        private final Signature signature;

        public Ed25519() throws GeneralSecurityException {
            signature = Signature.getInstance("Ed25519", "SunEC");
        }

        @Override
        protected void engineInitVerify(PublicKey key) throws InvalidKeyException {
            signature.initVerify(key);
        }

        @Override
        protected void engineInitSign(PrivateKey key) throws InvalidKeyException {
            signature.initSign(key);
        }

        @Override
        protected void engineUpdate(byte input) throws SignatureException {
            signature.update(input);
        }

        @Override
        protected void engineUpdate(byte[] input, int offset, int length) throws SignatureException {
            signature.update(input, offset, length);
        }

        @Override
        protected byte[] engineSign() throws SignatureException {
            return signature.sign();
        }

        @Override
        protected boolean engineVerify(byte[] given) throws SignatureException {
            VERIFICATIONS.incrementAndGet();
            return signature.verify(given);
        }

        @Override
        @Deprecated
        protected void engineSetParameter(String name, Object value) {
            throw new UnsupportedOperationException();
        }

        @Override
        @Deprecated
        protected Object engineGetParameter(String name) {
            throw new UnsupportedOperationException();
        }
    }
}
