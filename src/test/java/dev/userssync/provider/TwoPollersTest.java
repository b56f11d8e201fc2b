package dev.userssync.provider;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.testing.AppProcess;
import dev.userssync.testing.FakeApi;
import dev.userssync.testing.FakeApis;
import dev.userssync.testing.PolledApp;
import dev.userssync.testing.TestDatabase;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two instances on one database, in processes of their own. One of them polls; when it is killed, the other continues
 * from the same place.
 */
@Tag("app")
class TwoPollersTest {

    private static final Duration LEASE = Duration.ofSeconds(3);

    private final TestDatabase database = new TestDatabase();
    private final FakeApi api = new FakeApi(FakeApis::clerk);
    private final List<AppProcess> apps = new ArrayList<>();
    private final AtomicInteger atOnce = new AtomicInteger();

    @TempDir
    private Path directory;

    @AfterEach
    void stop() {
        apps.forEach(AppProcess::close);
        api.close();
    }

    private AppProcess app(String name) {
        AppProcess app = new AppProcess(
                directory.resolve(name),
                "DATABASE_URL",
                database.url(),
                "CLERK_API_KEY",
                FakeApis.KEY,
                "CLERK_API_URL",
                api.url(),
                "CLERK_ORGANIZATIONS",
                "off",
                "POLL_LEASE",
                LEASE.toSeconds() + "s",
                "POLL_INTERVAL",
                "1h");
        apps.add(app);
        return app;
    }

    /** The listing's pages by cursor, and how often each was requested. */
    private Map<String, Integer> pages() {
        Map<String, Integer> pages = new HashMap<>();
        for (FakeApi.Request request : api.requests()) {
            if ("+created_at".equals(request.query().get("order_by"))) {
                pages.merge(request.query().getOrDefault("starting_after", "first"), 1, Integer::sum);
            }
        }
        return pages;
    }

    @Test
    void noPageIsReadByBothAndTheOtherTakesOverWithinTheLease() throws Exception {
        api.createMany("user_", 1000);
        api.largestPage = 20;
        CountDownLatch halfWay = new CountDownLatch(1);
        CountDownLatch killed = new CountDownLatch(1);
        AtomicInteger inFlight = new AtomicInteger();
        AtomicLong nextRequest = new AtomicLong();
        AtomicInteger count = new AtomicInteger();
        api.fault(request -> {
            atOnce.accumulateAndGet(inFlight.incrementAndGet(), Math::max);
            try {
                int number = count.incrementAndGet();
                if (number == 20) {
                    halfWay.countDown();
                    killed.await(20, TimeUnit.SECONDS);
                } else if (number == 21) {
                    nextRequest.set(System.nanoTime());
                }
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            } finally {
                inFlight.decrementAndGet();
            }
            return null;
        });
        AppProcess first = app("first");
        AppProcess second = app("second");
        first.awaitRunning();
        second.awaitRunning();
        assertTrue(halfWay.await(30, TimeUnit.SECONDS));
        assertEquals(1, atOnce.get(), "while one instance waits for its page, the other requests nothing");
        String owner = database.value("SELECT lease_owner FROM users_sync_internal.poll_state");
        String fence = database.value("SELECT fence FROM users_sync_internal.poll_state");
        AppProcess poller = owner.startsWith(first.pid() + "-") ? first : second;
        assertTrue(owner.startsWith(poller.pid() + "-"), owner);

        poller.kill();
        long kill = System.nanoTime();
        killed.countDown();
        await().atMost(Duration.ofSeconds(40))
                .until(() -> database.value(
                                "SELECT backfilled_at IS NOT NULL AND phase IS NULL FROM users_sync_internal.poll_state")
                        .equals("t"));
        assertTrue(
                nextRequest.get() - kill < LEASE.plusSeconds(3).toNanos(),
                "taken over after " + Duration.ofNanos(nextRequest.get() - kill));
        assertEquals(api.truth(), database.column(PolledApp.ROWS));
        Map<String, Integer> pages = pages();
        assertTrue(pages.size() > 50, pages::toString);
        assertEquals(
                1,
                pages.values().stream().filter(asked -> asked > 1).count(),
                "only the page that was under way is asked for again: " + pages);
        assertTrue(Integer.parseInt(database.value("SELECT fence FROM users_sync_internal.poll_state"))
                > Integer.parseInt(fence));
    }

    @Test
    @Tag("long")
    void anInstanceThatIsStoppedHandsOver() {
        api.createMany("user_", 400);
        api.largestPage = 20;
        CountDownLatch halfWay = new CountDownLatch(1);
        AtomicInteger count = new AtomicInteger();
        api.fault(request -> {
            if (count.incrementAndGet() == 10) {
                halfWay.countDown();
            }
            return null;
        });
        AppProcess first = app("first").awaitRunning();
        await().atMost(Duration.ofSeconds(30)).until(() -> halfWay.getCount() == 0);
        first.stop();
        first.exitCode();
        assertEquals(
                "f",
                database.value("SELECT lease_until > now() FROM users_sync_internal.poll_state"),
                "nobody waits for its lease");
        app("second").awaitRunning();
        await().atMost(Duration.ofSeconds(20))
                .until(() -> database.value(
                                "SELECT backfilled_at IS NOT NULL AND phase IS NULL FROM users_sync_internal.poll_state")
                        .equals("t"));
        assertEquals(api.truth(), database.column(PolledApp.ROWS));
        assertEquals(List.of(1), pages().values().stream().distinct().toList(), "no page is read twice");
    }
}
