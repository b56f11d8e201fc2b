//DEPS org.bitbucket.b_c:jose4j:0.9.7
package dev.userssync.verify;

import dev.userssync.event.TryLater;
import dev.userssync.http.SmallAnswer;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.ReentrantLock;
import org.jose4j.jwk.JsonWebKey;
import org.jose4j.jwk.JsonWebKeySet;
import org.jose4j.jwk.SimpleJwkFilter;
import org.jose4j.jwk.Use;
import org.jose4j.lang.JoseException;

/**
 * The public keys that a provider publishes at one URL (JWKS, RFC 7517 §5), cached for ten minutes. An unknown key id
 * causes one fetch, so a rotated key is known at once. There is at most one fetch at a time and one in five seconds, so
 * forged ids cause no stampede. A fetch takes at most three seconds and 256 KiB and follows no redirect. Expired keys
 * are never used. Thread-safe.
 * <p>
 * Own cache, because that of jose4j ({@code HttpsJwks}) does not limit failing fetches, uses expired keys while another
 * thread fetches, believes any max-age of the server, and lets every thread wait.
 */
public final class Jwks {

    public static final Duration KEPT = Duration.ofMinutes(10);
    public static final Duration PAUSE = Duration.ofSeconds(5);
    private static final Duration DEADLINE =
            Duration.ofSeconds(3); // Neon Auth waits 5 seconds for the answer to a webhook
    /** How many deliveries may wait for a fetch, each in a thread of the HTTP server. The others are answered 503. */
    private static final int WAITING = 8;

    private static final HttpClient HTTP = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(DEADLINE)
            .build();

    private final URI url;
    private final Clock clock;
    private final Duration deadline;
    private final ReentrantLock fetching = new ReentrantLock();
    private final Semaphore waiting = new Semaphore(WAITING);
    private volatile Keys keys = new Keys(List.of(), Instant.MIN);
    // Guarded by fetching:
    private Instant triedAt = Instant.MIN;
    private String failure;

    private record Keys(List<JsonWebKey> all, Instant fetchedAt) {

        boolean areFresh(Instant now) {
            return within(KEPT, fetchedAt, now);
        }

        public JsonWebKey find(String id, String algorithm, String type) {
            SimpleJwkFilter filter = new SimpleJwkFilter();
            filter.setKid(id, SimpleJwkFilter.VALUE_REQUIRED);
            filter.setKty(type);
            filter.setUse(Use.SIGNATURE, SimpleJwkFilter.OMITTED_OKAY);
            filter.setAlg(algorithm, SimpleJwkFilter.OMITTED_OKAY);
            List<JsonWebKey> found = filter.filter(all);
            return found.isEmpty() ? null : found.get(0);
        }
    }

    Jwks(URI url, Clock clock) {
        this(url, clock, DEADLINE);
    }

    public Jwks(URI url, Clock clock, Duration deadline) {
        this.url = url;
        this.clock = clock;
        this.deadline = deadline;
    }

    /**
     * Finds the key that checks a signature.
     *
     * @param type the key type that belongs to the algorithm: RSA, EC or OKP; a key of another type, use or algorithm
     *         is skipped
     * @throws SecurityException if the provider publishes no such key
     * @throws TryLater if the keys cannot be fetched now
     */
    public JsonWebKey find(String id, String algorithm, String type) {
        Keys known = keys;
        JsonWebKey key = known.areFresh(clock.instant()) ? known.find(id, algorithm, type) : null;
        if (key == null) {
            key = newerThan(known).find(id, algorithm, type);
        }
        if (key == null) {
            throw new Refused(
                    Refused.Reason.KEY,
                    "the keys at " + url + " hold no " + algorithm + " key with the id in the signature");
        }
        return key;
    }

    private Keys newerThan(Keys known) {
        if (!waiting.tryAcquire()) {
            throw new TryLater("the keys at " + url + " are being fetched, and enough deliveries are waiting for them");
        }
        fetching.lock();
        try {
            if (keys != known) {
                return keys; // another thread fetched while this one waited
            }
            if (!within(PAUSE, triedAt, clock.instant())) {
                fetch();
            }
            if (failure != null) {
                throw new TryLater("the keys at " + url + " cannot be fetched: " + failure);
            }
            return keys;
        } finally {
            fetching.unlock();
            waiting.release();
        }
    }

    private void fetch() {
        try {
            List<JsonWebKey> all = new JsonWebKeySet(new String(get(), StandardCharsets.UTF_8)).getJsonWebKeys();
            keys = new Keys(all, clock.instant());
            failure = null;
        } catch (IOException e) {
            failure = e.getMessage();
        } catch (JoseException | RuntimeException e) {
            failure = "the answer is not a JWKS";
        } finally {
            triedAt = clock.instant();
        }
    }

    private byte[] get() throws IOException {
        HttpResponse<byte[]> whole = SmallAnswer.to(
                HttpRequest.newBuilder(url).header("Accept", "application/json").build(), HTTP, deadline);
        if (whole.statusCode() != 200) {
            throw new IOException("the answer is " + whole.statusCode());
        }
        return whole.body();
    }

    /** False also if the clock was set back. */
    private static boolean within(Duration span, Instant since, Instant now) {
        return !since.equals(Instant.MIN) && !now.isBefore(since) && now.isBefore(since.plus(span));
    }
}
