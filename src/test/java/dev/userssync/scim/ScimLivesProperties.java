package dev.userssync.scim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.userssync.testing.ScimApp;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import java.util.function.Predicate;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Random lives of people in a directory, sent by clients like Okta, Entra ID and WSO2. Now and then a client forgets
 * the ids of the server. After each step the live rows are the directory's people, and no row ever belonged to two
 * people. For longer lives: {@code -Dscim.steps=1000}.
 */
class ScimLivesProperties extends ScimApp {

    private static final int STEPS = Integer.getInteger("scim.steps", 60);

    private Random random;
    private final List<Person> people = new ArrayList<>();
    /** The owner of each row that ever existed. */
    private final Map<String, String> owners = new HashMap<>();

    private enum Client {
        OKTA,
        ENTRA,
        WSO2
    }

    private static final class Person {

        final String key;
        final Client client;
        String userName;
        String name;
        boolean assigned;
        /** The id that the client remembers, or null. */
        String id;

        Person(String key, Client client) {
            this.key = key;
            this.client = client;
        }

        String externalId() {
            return client == Client.WSO2 ? null : key;
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void theLiveRowsAreTheDirectorysPeople(long seed) {
        random = new Random(seed);
        people.clear();
        owners.clear();
        List<String> story = new ArrayList<>();
        for (int step = 0; step < STEPS; step++) {
            story.add(step());
            assertEquals(directory(), rows(), () -> "seed " + seed + ": " + String.join("; ", story));
            database.column("SELECT id || ' ' || (raw_json ->> 'title') FROM neon_auth.users_sync")
                    .forEach(row -> {
                        String[] parts = row.split(" ");
                        assertEquals(
                                parts[1],
                                owners.computeIfAbsent(parts[0], id -> parts[1]),
                                () -> "seed " + seed + ", the row of another: " + String.join("; ", story));
                    });
        }
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
    }

    private TreeSet<String> directory() {
        TreeSet<String> live = new TreeSet<>();
        people.stream()
                .filter(person -> person.assigned)
                .forEach(person -> live.add(person.key + " " + person.userName + " " + person.name));
        return live;
    }

    private TreeSet<String> rows() {
        List<String> rows = database.column(
                "SELECT concat_ws(' ', raw_json ->> 'title', raw_json ->> 'userName', name) FROM neon_auth.users_sync WHERE deleted_at IS NULL");
        TreeSet<String> live = new TreeSet<>(rows);
        assertEquals(rows.size(), live.size(), "two rows of one person");
        return live;
    }

    private String step() {
        Person active = any(person -> person.assigned);
        Person former = any(person -> !person.assigned);
        int dice = random.nextInt(100);
        if (dice < 5) { // a purge
            database.execute(
                    "INSERT INTO users_sync_internal.tombstone (id, at) SELECT id, deleted_at FROM neon_auth.users_sync WHERE deleted_at IS NOT NULL"
                            + " ON CONFLICT (id) DO UPDATE SET at = excluded.at; DELETE FROM neon_auth.users_sync WHERE deleted_at IS NOT NULL");
            return "purge";
        }
        if (dice < 15 && !people.isEmpty()) {
            Person person = people.get(random.nextInt(people.size()));
            person.id = null;
            return "the client forgets " + person.key;
        }
        if (dice < 35 && active != null) {
            active.assigned = false;
            String path = "/Users/" + known(active);
            Reply reply = active.client == Client.ENTRA
                    ? patch(path, "{\"op\": \"Replace\", \"path\": \"active\", \"value\": \"False\"}")
                    : patch(path, "{\"op\": \"replace\", \"value\": {\"active\": false}}");
            assertEquals(200, reply.status(), reply.http().body());
            return active.key + " leaves";
        }
        if (dice < 45 && active != null) {
            active.id = known(active); // found by the former userName
            active.name = "Name" + random.nextInt(1000);
            active.userName = random.nextBoolean() ? active.userName : userName(active);
            assertTrue(update(active));
            return active.key + " is " + active.userName + " now";
        }
        if (dice < 55 && former != null && former.client != Client.OKTA) { // Okta never sends a DELETE
            if (former.id != null) {
                int status = delete("/Users/" + former.id).status();
                assertTrue(status == 204 || status == 404, "DELETE was " + status);
                former.id = former.client == Client.WSO2 ? former.id : null;
            }
            return former.key + " is deleted";
        }
        if (dice < 80 && former != null) {
            if (former.client != Client.WSO2 && random.nextBoolean() || isTaken(former.userName)) {
                former.userName = userName(former);
            }
            former.name = "Name" + random.nextInt(1000);
            former.assigned = true;
            if (former.id == null || !update(former)) {
                provision(former);
            }
            return former.key + " returns as " + former.userName;
        }
        Person hired = new Person("p" + people.size(), Client.values()[random.nextInt(3)]);
        hired.userName = userName(hired);
        hired.name = "Name" + random.nextInt(1000);
        hired.assigned = true;
        people.add(hired);
        provision(hired);
        return hired.key + " of " + hired.client + " is hired as " + hired.userName;
    }

    private Person any(Predicate<Person> condition) {
        List<Person> some = people.stream().filter(condition).toList();
        return some.isEmpty() ? null : some.get(random.nextInt(some.size()));
    }

    private boolean isTaken(String userName) {
        return people.stream().anyMatch(person -> person.assigned && person.userName.equalsIgnoreCase(userName));
    }

    /**
     * A new userName, or the name of a person who has left. Never the name of a WSO2 person: WSO2 identifies people by
     * it alone.
     */
    private String userName(Person person) {
        Person former = person.client == Client.WSO2
                ? null
                : any(other -> !other.assigned && other.client != Client.WSO2 && !isTaken(other.userName));
        return former != null && random.nextInt(3) > 0
                ? former.userName
                : person.key + "-" + random.nextInt(1000) + "@x.example";
    }

    /** The id that the client remembers, or else finds. */
    private String known(Person person) {
        return person.id != null && get("/Users/" + person.id).status() == 200 ? person.id : find(person);
    }

    private String find(Person person) {
        String filter = person.client == Client.ENTRA
                ? "externalId eq \"" + person.key + "\""
                : "userName eq \"" + person.userName.toUpperCase() + "\"";
        JsonNode found = get("/Users?filter=" + URLEncoder.encode(filter, StandardCharsets.UTF_8))
                .json();
        assertTrue(found.path("totalResults").intValue() <= 1, filter);
        JsonNode user = found.at("/Resources/0");
        return user.isMissingNode() || !user.path("title").textValue().equals(person.key)
                ? null
                : user.path("id").textValue();
    }

    private void provision(Person person) {
        person.id = random.nextBoolean() ? find(person) : null;
        if (person.id != null) {
            assertTrue(update(person));
            return;
        }
        Reply reply = post("/Users", body(person));
        assertEquals(201, reply.status(), reply.http().body());
        person.id = reply.id();
    }

    private boolean update(Person person) {
        Reply reply = person.client == Client.ENTRA
                ? patch(
                        "/Users/" + person.id,
                        "{\"op\": \"Replace\", \"path\": \"userName\", \"value\": \"" + person.userName + "\"}",
                        "{\"op\": \"Add\", \"path\": \"displayName\", \"value\": \"" + person.name + "\"}",
                        "{\"op\": \"Replace\", \"path\": \"active\", \"value\": \"True\"}")
                : put("/Users/" + person.id, body(person));
        assertTrue(reply.status() == 200 || reply.status() == 404, reply.http().body());
        return reply.status() == 200;
    }

    private static String body(Person person) {
        return user(
                person.userName,
                "\"displayName\": \"" + person.name + "\"",
                "\"title\": \"" + person.key + "\"",
                "\"active\": true",
                person.externalId() == null ? "\"nickName\": \"\"" : "\"externalId\": \"" + person.externalId() + "\"");
    }
}
