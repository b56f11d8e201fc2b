package dev.userssync.console;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.deque.html.axecore.selenium.AxeBuilder;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.RunningApp;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.awaitility.core.ConditionTimeoutException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.openqa.selenium.By;
import org.openqa.selenium.Dimension;
import org.openqa.selenium.Keys;
import org.openqa.selenium.OutputType;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.logging.LogType;
import org.openqa.selenium.logging.LoggingPreferences;

/**
 * The console in a real Chromium: {@code mvn -Pbrowser verify}, with chromium and chromedriver installed. Pictures for the README are taken
 * with {@code -Dpictures=docs/images}, else they go to target.
 */
@Tag("browser")
class ConsoleInABrowser extends RunningApp {

    private static final String PASSWORD = "correct horse battery staple";
    private static final Path PICTURES = Path.of(System.getProperty("pictures", "target/pictures"));

    private ChromeDriver browser;

    ConsoleInABrowser() {
        settings.setProperty("console.password", PASSWORD);
        settings.setProperty("clerk.api.key", "sk_test"); // polled, but not within a test
    }

    @BeforeAll
    void openBrowser() throws IOException {
        ChromeOptions options = new ChromeOptions();
        options.setBinary(System.getProperty("chromium", "/usr/bin/chromium"));
        options.addArguments("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--lang=en");
        LoggingPreferences logs = new LoggingPreferences();
        logs.enable(LogType.BROWSER, java.util.logging.Level.ALL);
        logs.enable(LogType.PERFORMANCE, java.util.logging.Level.ALL);
        options.setCapability("goog:loggingPrefs", logs);
        browser = new ChromeDriver(new ChromeDriverService.Builder()
                .usingDriverExecutable(new File(System.getProperty("chromedriver", "/usr/bin/chromedriver"))).build(), options);
        Files.createDirectories(PICTURES);
    }

    @AfterAll
    void closeBrowser() {
        if (browser != null) {
            browser.quit();
        }
    }

    @BeforeEach
    void someUsers() {
        awaitConsoleIndexes();
        database.execute("TRUNCATE neon_auth.users_sync, neon_auth.organizations_sync, neon_auth.memberships_sync, users_sync_internal.dead_letter, users_sync_internal.event_log, users_sync_internal.tombstone");
        String[] names = {"Ada King", "Sam Patel", "Zoë Müller", "Mira Novák", "Tomás Silva", "Wei Chen", "Olu Adeyemi", "Fatima Rahman", "Kai Larsen", "Jane Doe"};
        for (int i = 0; i < names.length; i++) {
            event("created", "user_2x" + i, names[i], Instant.parse("2026-03-01T09:00:00Z").plus(Duration.ofHours(7L * i)));
        }
        event("updated", "user_2x9", "Jane Doe", Instant.parse("2026-03-08T10:00:00Z"));
        event("updated", "user_2x9", "Jane Doh", Instant.parse("2026-03-07T10:00:00Z"));
        event("deleted", "user_2x3", null, Instant.parse("2026-03-09T10:00:00Z"));
        new Delivery("{\"type\": \"user.updated\", \"data\": {\"id\": \"user_2x1\", \"name\": 7, \"session_token\": \"abc\", \"updated_at\": \"2026-03-09T10:00:00Z\"}}")
                .post(webhooks("generic"));
        database.execute("""
                INSERT INTO neon_auth.organizations_sync (id, raw_json, kind, name, slug, parent_id, created_at, updated_at)
                VALUES ('org_1', '{"id": "org_1", "plan": "team"}', 'team', 'Orchard Robotics', 'orchard-robotics', 'org_0', '2026-02-01Z', '2026-03-01Z');
                INSERT INTO neon_auth.memberships_sync (id, organization_id, user_id, role, roles, active)
                SELECT 'orgmem_' || i, 'org_1', 'user_2x' || i, 'org:member', '{org:member,org:billing}', i <> 2 FROM generate_series(0, 9) AS i;
                INSERT INTO users_sync_internal.event_log (at, user_id, entity, provider, type, decision)
                VALUES ('2026-03-01Z', 'org_1', 'organization', 'clerk', 'updated', 'applied'), ('2026-03-02Z', 'orgmem_9', 'membership', 'clerk', 'created', 'stale')""");
        // Kept before PAYLOAD_DROP named it.
        database.execute("UPDATE users_sync_internal.dead_letter SET body = convert_to(replace(convert_from(body, 'UTF8'), '\"name\"', '\"session_token\": \"abc\", \"name\"'), 'UTF8')");
        new Delivery("<xml/>").post(webhooks("clerk"));
        database.execute("""
                TRUNCATE users_sync_internal.poll_state, users_sync_internal.activity;
                INSERT INTO users_sync_internal.poll_state (provider, changes_due, listing_due, job, phase, users, total, missing, held_because, repaired_total, last_success_at)
                VALUES ('clerk', 'infinity', 'infinity', 'reconcile', 'held', 12480, 12480, 140, '140 users are missing, more than 100', 3, now() - interval '64 minutes');
                INSERT INTO users_sync_internal.activity (provider, minute, applied, duplicate, stale, parked, refused, last_webhook_at)
                VALUES ('clerk', now() - interval '10 minutes', 412, 9, 2, 0, 0, now() - interval '40 seconds'), ('clerk', now() - interval '5 hours', 2950, 31, 7, 1, 2, NULL),
                       ('generic', now() - interval '3 minutes', 14, 0, 0, 1, 0, now() - interval '3 minutes')""");
        database.execute("""
                DELETE FROM users_sync_internal.reaction;
                INSERT INTO users_sync_internal.reaction (name, seq, done_at, failed_at, error)
                SELECT 'welcome', max(seq), now() - interval '9 minutes', now() - interval '20 seconds', 'answered 503' FROM users_sync_internal.event_log;
                INSERT INTO users_sync_internal.reaction_retry (name, seq, entity, id, attempts, failed_at, next_at, dead, error)
                SELECT 'welcome', seq, 'user', user_id, 4, now() - interval '8 minutes', now() + interval '1 hour', user_id = 'user_2x3', 'answered 503'
                  FROM users_sync_internal.event_log WHERE user_id IN ('user_2x3', 'user_2x9') AND kind IS NOT NULL""");
        browser.manage().deleteAllCookies();
        size(1200, 900);
        media("light");
    }

    private void event(String type, String id, String name, Instant time) {
        String email = name == null ? null : name.toLowerCase().replace(' ', '.').replaceAll("[^a-z.]", "") + "@startup.example";
        assertEquals(204, new Delivery("""
                {"type": "user.%s", "timestamp": "%s", "data": {"id": "%s", "name": "%s", "email": "%s", "updated_at": "%s", "created_at": "2026-02-1%sT08:00:00Z"}}
                """.formatted(type, time, id, name, email, time, id.substring(id.length() - 1))).post(webhooks("generic")).statusCode());
    }

    private void size(int width, int height) {
        browser.manage().window().setSize(new Dimension(width, height));
        browser.executeCdpCommand("Emulation.setDeviceMetricsOverride", Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", width < 600));
    }

    private void media(String scheme) {
        browser.executeCdpCommand("Emulation.setEmulatedMedia", Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", scheme))));
    }

    private void logIn() {
        browser.get(management("/console"));
        browser.switchTo().activeElement().sendKeys(PASSWORD, Keys.ENTER);
        await().until(() -> browser.getCurrentUrl().endsWith("/console/users"));
    }

    private WebElement text(String text) {
        try {
            await().ignoreExceptions().until(() -> browser.findElement(By.xpath("//*[contains(text(), \"" + text + "\")]")).isDisplayed());
        } catch (ConditionTimeoutException e) {
            throw new AssertionError("no \"" + text + "\" on " + browser.getCurrentUrl() + ": " + browser.findElement(By.tagName("body")).getText(), e);
        }
        return browser.findElement(By.xpath("//*[contains(text(), \"" + text + "\")]"));
    }

    private void picture(String name) throws IOException {
        Files.write(PICTURES.resolve(name + ".png"), browser.getScreenshotAs(OutputType.BYTES));
    }

    @Test
    void aSearchShowsWhileTypingAndOneSelectsWithTheKeyboard() throws IOException {
        logIn();
        browser.switchTo().activeElement().sendKeys("jan");
        await().until(() -> browser.findElements(By.cssSelector("#results tbody tr")).size() == 1);
        assertTrue(browser.getCurrentUrl().contains("q=jan"), "the address can be kept: " + browser.getCurrentUrl());
        WebElement link = browser.findElement(By.linkText("Jane Doe"));
        link.sendKeys(Keys.ENTER);
        text("stale, ignored");
        picture("user");
    }

    @Test
    void erasingAsksForTheId() {
        logIn();
        browser.get(management("/console/user?id=user_2x5"));
        WebElement confirm = browser.findElement(By.name("confirm"));
        confirm.sendKeys("user_2x", Keys.ENTER);
        text("Nothing was erased");
        browser.findElement(By.name("confirm")).sendKeys("user_2x5", Keys.ENTER);
        text("The user was erased");
        assertEquals("0", database.value("SELECT count(*) FROM neon_auth.users_sync WHERE id = 'user_2x5'"));
    }

    @Test
    void aDeadLetterSaysWhyAndIsReplayed() throws IOException {
        logIn();
        browser.findElement(By.linkText("Dead letters")).click();
        text("The mapping did not make a valid user event");
        picture("dead-letters");
        browser.findElement(By.linkText(database.value("SELECT id FROM users_sync_internal.dead_letter WHERE provider = 'generic'"))).click();
        text("•••");
        browser.findElement(By.xpath("//button[text()='Replay']")).click();
        text("The replay failed again");
    }

    @Test
    void deliveriesAndSyncTellOfEachProvider() throws IOException {
        logIn();
        browser.findElement(By.linkText("Deliveries and sync")).click();
        text("generic");
        picture("sync");
    }

    @Test
    void theDeadChangesOfAReactionAreReplayed() throws IOException {
        logIn();
        browser.findElement(By.linkText("Reactions")).click();
        text("answered 503");
        picture("reactions");
        browser.findElement(By.linkText("welcome")).click();
        text("Changes that failed");
        picture("reaction");
        browser.findElement(By.xpath("//button[text()='Replay dead']")).click();
        text("Changes to be delivered again: 2.");
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.reaction_retry WHERE dead"));
    }

    @Test
    void aBrakeIsConfirmedOrDismissed() {
        logIn();
        browser.get(management("/console/sync"));
        text("140 users are missing, more than 100");
        browser.findElement(By.xpath("//button[starts-with(text(), 'Dismiss')]")).click();
        await().until(() -> browser.findElements(By.cssSelector("article[role=alert]")).isEmpty());
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.poll_state WHERE phase = 'held'"));

        database.execute("UPDATE users_sync_internal.poll_state SET phase = 'held', listing_due = 'infinity'");
        browser.get(management("/console/sync"));
        browser.findElement(By.xpath("//button[starts-with(text(), 'Confirm')]")).click();
        await().until(() -> "proving".equals(database.value("SELECT phase FROM users_sync_internal.poll_state")));
    }

    /** The rules of axe-core for WCAG 2 A and AA, light and dark. */
    @ParameterizedTest
    @ValueSource(strings = {"light", "dark"})
    void everyPageCanBeUsedByEverybody(String scheme) throws IOException {
        media(scheme);
        browser.get(management("/console/login"));
        assertAccessible("login " + scheme);
        logIn();
        String letter = database.value("SELECT max(id) FROM users_sync_internal.dead_letter");
        for (String page : new String[] {"users", "users?q=jane", "user?id=user_2x9", "organizations", "organization?id=org_1", "sync", "dead-letters", "dead-letter?id=" + letter, "reactions", "reaction?name=welcome"}) {
            browser.get(management("/console/" + page));
            assertAccessible(page + " " + scheme);
        }
        browser.get(management("/console/organization?id=org_1"));
        picture("organization-" + scheme);
        browser.get(management("/console/users"));
        picture("users-" + scheme);
    }

    private void assertAccessible(String page) {
        List<String> violations = new AxeBuilder().withTags(List.of("wcag2a", "wcag2aa", "wcag21a", "wcag21aa")).analyze(browser).getViolations().stream()
                .map(rule -> rule.getId() + ": " + rule.getNodes().stream().map(node -> node.getHtml()).toList()).toList();
        assertEquals(List.of(), violations, page);
    }

    @Test
    void itFitsAPhone() throws IOException {
        logIn();
        size(375, 800);
        String letter = database.value("SELECT max(id) FROM users_sync_internal.dead_letter");
        for (String page : new String[] {"login", "users", "user?id=user_2x9", "organizations", "organization?id=org_1", "sync", "dead-letters", "dead-letter?id=" + letter, "reactions", "reaction?name=welcome"}) {
            browser.get(management("/console/" + page));
            assertEquals(375L, browser.executeScript("return document.documentElement.scrollWidth"), page + " is wider than a phone");
        }
        browser.get(management("/console/users"));
        picture("phone");
    }

    @Test
    void nothingComesFromElsewhereAndNothingIsBlocked() throws IOException {
        browser.manage().logs().get(LogType.PERFORMANCE);
        browser.manage().logs().get(LogType.BROWSER);
        logIn();
        browser.switchTo().activeElement().sendKeys("ada");
        await().until(() -> browser.findElements(By.cssSelector("#results tbody tr")).size() == 1);
        for (String page : new String[] {"user?id=user_2x0", "organization?id=org_1", "sync", "dead-letters", "reaction?name=welcome"}) {
            browser.get(management("/console/" + page));
        }
        List<String> asked = new ArrayList<>();
        browser.manage().logs().get(LogType.PERFORMANCE).forEach(entry -> {
            try {
                JsonNode message = new ObjectMapper().readTree(entry.getMessage()).path("message");
                if (message.path("method").asText().equals("Network.requestWillBeSent")) {
                    asked.add(message.at("/params/request/url").asText());
                }
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        });
        assertFalse(asked.isEmpty());
        asked.forEach(url -> assertTrue(url.startsWith(management("/console")) || url.startsWith("data:"), url));
        List<String> complaints = browser.manage().logs().get(LogType.BROWSER).getAll().stream()
                .map(entry -> entry.getLevel() + " " + entry.getMessage()).toList();
        assertEquals(List.of(), complaints, "the page's own policy blocks nothing that the page needs");
    }
}
