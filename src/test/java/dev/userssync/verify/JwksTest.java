package dev.userssync.verify;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.event.TryLater;
import dev.userssync.testing.JwksServer;
import dev.userssync.testing.SettableClock;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.jose4j.jwk.JsonWebKey;
import org.jose4j.jwk.OctetSequenceJsonWebKey;
import org.jose4j.jwk.RsaJsonWebKey;
import org.jose4j.jwk.RsaJwkGenerator;
import org.jose4j.keys.HmacKey;
import org.jose4j.lang.JoseException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A provider's published keys, from an endpoint that is healthy, down, slow or hostile. */
public class JwksTest {

    private static final RsaJsonWebKey K1 = rsa("k1");
    private static final RsaJsonWebKey K2 = rsa("k2");
    private static final Duration DEADLINE = Duration.ofMillis(700);

    private final JwksServer server = new JwksServer(K1);
    private final SettableClock clock = new SettableClock(Instant.parse("2026-06-01T12:00:00Z"));
    private final Jwks jwks = new Jwks(server.url(), clock, DEADLINE);

    public static RsaJsonWebKey rsa(String id) {
        try {
            RsaJsonWebKey key = RsaJwkGenerator.generateJwk(2048);
            key.setKeyId(id);
            return key;
        } catch (JoseException e) {
            throw new IllegalStateException(e);
        }
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private Object find(String id) {
        return jwks.find(id, "RS256", "RSA").getKey();
    }

    private String later(String id) {
        return assertThrows(TryLater.class, () -> find(id)).getMessage();
    }

    private void refused(String id) {
        assertThrows(SecurityException.class, () -> find(id));
    }

    @Test
    void theKeysAreFetchedOnceInTenMinutes() {
        for (int i = 0; i < 100; i++) {
            assertEquals(K1.getKey(), find("k1"));
        }
        clock.move(Jwks.KEPT.minusSeconds(1));
        find("k1");
        assertEquals(1, server.requests());
        clock.move(Duration.ofSeconds(1));
        find("k1");
        assertEquals(2, server.requests());
    }

    @Test
    void aRotatedKeyIsKnownAtOnce() {
        find("k1");
        clock.move(Jwks.PAUSE);
        server.publish(K1, K2);
        assertEquals(K2.getKey(), find("k2"));
        assertEquals(2, server.requests());
        clock.move(Jwks.KEPT);
        server.publish(K2);
        assertEquals(K2.getKey(), find("k2"));
        refused("k1");
    }

    @Test
    void forgedKeyIdsMakeOneFetchInFiveSeconds() {
        find("k1");
        clock.move(Jwks.PAUSE);
        for (int i = 0; i < 1000; i++) {
            refused("forged-" + i);
        }
        assertEquals(2, server.requests());
        find("k1"); // genuine keys still work
        clock.move(Jwks.PAUSE);
        refused("forged");
        assertEquals(3, server.requests());
    }

    @Test
    void manyDeliveriesAtOnceMakeOneFetch() throws Exception {
        CountDownLatch asked = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        String keys = new org.jose4j.jwk.JsonWebKeySet(K1).toJson(JsonWebKey.OutputControlLevel.PUBLIC_ONLY);
        server.answer(request -> {
            asked.countDown();
            go.await();
            request.sendResponseHeaders(200, keys.length());
            request.getResponseBody().write(keys.getBytes());
        });
        AtomicInteger found = new AtomicInteger();
        AtomicInteger told = new AtomicInteger();
        ExecutorService threads = Executors.newFixedThreadPool(40);
        try {
            IntStream.range(0, 40)
                    .forEach(i -> threads.submit(() -> {
                        try {
                            assertEquals(K1.getKey(), find("k1"));
                            found.incrementAndGet();
                        } catch (TryLater e) {
                            told.incrementAndGet();
                        }
                    }));
            asked.await();
            // Eight may wait in a thread of the HTTP server. The others are asked to retry before the answer arrives.
            await().until(() -> told.get() == 32);
            go.countDown();
            await().until(() -> found.get() == 8);
        } finally {
            threads.shutdownNow();
        }
        assertEquals(1, server.requests());
    }

    @Test
    void anEndpointThatIsDownMeansLaterNeverKnownNorRefused() {
        server.close();
        assertTrue(later("k1").endsWith("cannot be fetched: ConnectException"), later("k1"));
    }

    @Test
    void keysPastTheirTimeAreNotUsedWhenTheEndpointIsDown() {
        find("k1");
        clock.move(Jwks.KEPT.minusSeconds(1));
        server.answer(503, "", Map.of());
        find("k1"); // before they expire, whatever the endpoint does
        clock.move(Duration.ofSeconds(1));
        later("k1");
        later("forged");
        clock.move(Jwks.PAUSE);
        server.publish(K1);
        find("k1");
    }

    @Test
    void anUnknownKeyIsNotRefusedWhileTheEndpointIsDown() {
        find("k1");
        clock.move(Jwks.PAUSE);
        server.answer(500, "", Map.of());
        later("k2"); // could be a new key
        later("k2"); // also within the pause
        find("k1");
        assertEquals(2, server.requests());
        clock.move(Jwks.PAUSE);
        server.publish(K1, K2);
        find("k2");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "500 | {\"keys\": []} | the answer is 500", "404 | not found | the answer is 404",
                        "200 | <html>Sign in</html> | the answer is not a JWKS",
                "200 | {} | the answer is not a JWKS", "200 | {\"keys\": 5} | the answer is not a JWKS",
                        "200 | [] | the answer is not a JWKS",
                "200 | '' | the answer is not a JWKS", "200 | {\"keys\": [1, null]} | the answer is not a JWKS"
            })
    void anAnswerThatHoldsNoKeysMeansLater(int status, String body, String reason) {
        server.answer(status, body, Map.of());
        assertEquals("the keys at " + server.url() + " cannot be fetched: " + reason, later("k1"));
        for (int i = 0; i < 50; i++) {
            later("k1");
        }
        assertEquals(1, server.requests(), "failures are limited too");
    }

    @ParameterizedTest
    @ValueSource(ints = {301, 302, 303, 307, 308})
    void aRedirectIsNotFollowed(int status) {
        try (JwksServer elsewhere = new JwksServer(K1)) {
            server.answer(status, "", Map.of("Location", elsewhere.url().toString()));
            assertTrue(later("k1").endsWith("the answer is " + status));
            assertEquals(0, elsewhere.requests());
        }
    }

    @Test
    void aHugeAnswerIsGivenUp() {
        AtomicBoolean cut = new AtomicBoolean();
        server.answer(request -> {
            request.sendResponseHeaders(200, 0);
            byte[] spaces = " ".repeat(64 * 1024).getBytes();
            try {
                while (true) {
                    request.getResponseBody().write(spaces);
                }
            } catch (IOException e) {
                cut.set(true);
            }
        });
        assertTrue(later("k1").endsWith("the answer is larger than 256 KiB"), later("k1"));
        await().untilTrue(cut);
    }

    @Test
    void anAnswerThatDripsIsGivenUp() {
        AtomicBoolean cut = new AtomicBoolean();
        server.answer(request -> {
            request.sendResponseHeaders(200, 0);
            try {
                while (true) {
                    request.getResponseBody().write(' ');
                    request.getResponseBody().flush();
                    Thread.sleep(20); // a slow drip, on purpose
                }
            } catch (IOException e) {
                cut.set(true);
            }
        });
        assertGivenUpInTime();
        await().untilTrue(cut);
    }

    @Test
    void anEndpointThatNeverAnswersIsGivenUp() {
        server.answer(request -> new CountDownLatch(1).await());
        assertGivenUpInTime();
    }

    private void assertGivenUpInTime() {
        long start = System.nanoTime();
        String message = later("k1");
        assertTrue(message.contains("no whole answer within"), message);
        long took = Duration.ofNanos(System.nanoTime() - start).toMillis();
        assertTrue(took < DEADLINE.toMillis() + 2000, "took " + took + " ms");
        start = System.nanoTime();
        later("k1");
        assertTrue(
                Duration.ofNanos(System.nanoTime() - start).toMillis() < DEADLINE.toMillis(),
                "and the next one does not wait at all");
        assertEquals(1, server.requests());
    }

    @Test
    void aHostThatDoesNotExistMeansLater() {
        Jwks nowhere = new Jwks(URI.create("https://jwks.invalid/jwks.json"), clock, DEADLINE);
        assertThrows(TryLater.class, () -> nowhere.find("k1", "RS256", "RSA"));
    }

    @Test
    void aKeyThatIsMeantForSomethingElseIsNotTaken() {
        RsaJsonWebKey encryption = rsa("encryption");
        encryption.setUse("enc");
        RsaJsonWebKey other = rsa("other");
        other.setAlgorithm("PS256");
        RsaJsonWebKey fitting = rsa("fitting");
        fitting.setUse("sig");
        fitting.setAlgorithm("RS256");
        OctetSequenceJsonWebKey secret = new OctetSequenceJsonWebKey(new HmacKey(new byte[32]));
        secret.setKeyId("secret");
        server.publish(encryption, other, fitting, secret);
        assertEquals(fitting.getKey(), find("fitting"));
        List.of("encryption", "other", "secret", "", "../fitting", "fitting' OR 1=1", "FITTING")
                .forEach(this::refused);
        assertThrows(SecurityException.class, () -> jwks.find("fitting", "ES256", "EC"));
    }

    @Test
    void oneUnreadableKeyDoesNotHideTheOthers() throws Exception {
        String keys = new org.jose4j.jwk.JsonWebKeySet(K1).toJson(JsonWebKey.OutputControlLevel.PUBLIC_ONLY);
        server.answer(
                200,
                keys.replace("[", "[{\"kty\": \"future\", \"kid\": \"x\"}, {\"kty\": \"RSA\", \"kid\": \"y\"}, "),
                Map.of());
        assertEquals(K1.getKey(), find("k1"));
        assertSame(find("k1"), find("k1"));
    }

    @Test
    void aClockThatIsSetBackMakesANewFetch() {
        find("k1");
        clock.move(Duration.ofHours(-1));
        find("k1");
        assertEquals(2, server.requests());
    }
}
