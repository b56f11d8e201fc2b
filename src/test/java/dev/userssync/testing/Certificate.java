package dev.userssync.testing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.Base64;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** A self-signed certificate for one host, made by the JDK's keytool, as PKCS12 and as PEM. */
public final class Certificate {

    public static final String PASSWORD = "password of the keystore";

    public final Path keyStore;
    public final Path pem;
    /** Readable only by its owner, as Postgres requires. */
    public final Path keyPem;

    private final KeyStore loaded;

    public Certificate(Path directory, String host) throws IOException, GeneralSecurityException, InterruptedException {
        keyStore = directory.resolve(host + ".p12");
        Process keytool = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "keytool")
                                .toString(),
                        "-genkeypair",
                        "-alias",
                        "server",
                        "-keyalg",
                        "EC",
                        "-dname",
                        "CN=" + host,
                        "-ext",
                        "san=dns:" + host,
                        "-validity",
                        "2",
                        "-storetype",
                        "PKCS12",
                        "-keystore",
                        keyStore.toString(),
                        "-storepass",
                        PASSWORD)
                .redirectErrorStream(true)
                .start();
        String output = new String(keytool.getInputStream().readAllBytes());
        if (keytool.waitFor() != 0) {
            throw new IllegalStateException(output);
        }
        loaded = KeyStore.getInstance(keyStore.toFile(), PASSWORD.toCharArray());
        pem = Files.writeString(
                directory.resolve(host + ".crt"),
                pem("CERTIFICATE", loaded.getCertificate("server").getEncoded()));
        keyPem = directory.resolve(host + ".key");
        Files.createFile(keyPem, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        Files.writeString(
                keyPem,
                pem(
                        "PRIVATE KEY",
                        loaded.getKey("server", PASSWORD.toCharArray()).getEncoded()));
    }

    private static String pem(String type, byte[] bytes) {
        return "-----BEGIN " + type + "-----\n" + Base64.getMimeEncoder().encodeToString(bytes) + "\n-----END " + type
                + "-----\n";
    }

    /** The context of a client that trusts only this certificate. */
    public SSLContext trusted() throws GeneralSecurityException {
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        try {
            KeyStore certificates = KeyStore.getInstance(KeyStore.getDefaultType());
            certificates.load(null, null);
            certificates.setCertificateEntry("server", loaded.getCertificate("server"));
            trust.init(certificates);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context;
    }
}
