package dev.userssync.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import java.security.MessageDigest;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * The ceiling: the rate that an engineer can reach by hand, without routes to edit. One handler for one provider checks
 * signature and tolerance. Two writers, sharded by user, write each batch as one guarded upsert.
 */
public final class VertxMicrobatch {

    private static final int WRITERS = 2;
    private static final String SQL = """
            INSERT INTO neon_auth.users_sync AS u (id, raw_json, name, email, created_at, deleted_at, updated_at)
            SELECT id, coalesce(raw::jsonb, jsonb_build_object('id', id)), name, email, to_timestamp(created / 1e3), to_timestamp(deleted / 1e3),
                   to_timestamp(updated / 1e3)
              FROM unnest(?::text[], ?::text[], ?::text[], ?::text[], ?::bigint[], ?::bigint[], ?::bigint[])
                   AS event (id, raw, name, email, created, deleted, updated)
             ORDER BY id COLLATE "C"
            ON CONFLICT (id) DO UPDATE SET
              raw_json = CASE WHEN excluded.updated_at >= coalesce(u.updated_at, '-infinity') THEN excluded.raw_json ELSE u.raw_json END,
              name = CASE WHEN excluded.updated_at >= coalesce(u.updated_at, '-infinity') THEN excluded.name ELSE u.name END,
              email = CASE WHEN excluded.updated_at >= coalesce(u.updated_at, '-infinity') THEN excluded.email ELSE u.email END,
              created_at = coalesce(u.created_at, excluded.created_at),
              updated_at = greatest(u.updated_at, excluded.updated_at),
              deleted_at = CASE WHEN excluded.deleted_at IS NOT NULL THEN
                                CASE WHEN excluded.deleted_at >= coalesce(u.updated_at, '-infinity') THEN greatest(u.deleted_at, excluded.deleted_at) ELSE u.deleted_at END
                                WHEN excluded.updated_at > u.deleted_at THEN NULL ELSE u.deleted_at END
            WHERE excluded.deleted_at IS NOT NULL OR excluded.updated_at > coalesce(u.updated_at, '-infinity') OR u.raw_json IS DISTINCT FROM excluded.raw_json
            """;

    private record Event(String id, String raw, String name, String email, Long created, Long deleted, Long updated, HttpServerRequest request) {
    }

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final ThreadLocal<Mac> MAC = ThreadLocal.withInitial(() -> {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(Base64.getDecoder().decode(System.getenv("CLERK_WEBHOOK_SECRET").substring(6)), "HmacSHA256"));
            return mac;
        } catch (java.security.GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    });

    private VertxMicrobatch() {
    }

    public static void main(String[] args) {
        Vertx vertx = Vertx.vertx();
        List<LinkedBlockingQueue<Event>> queues = new ArrayList<>();
        for (int i = 0; i < WRITERS; i++) {
            LinkedBlockingQueue<Event> queue = new LinkedBlockingQueue<>();
            queues.add(queue);
            new Thread(() -> write(queue)).start();
        }
        for (int i = 0; i < 2; i++) {
            vertx.deployVerticle(new io.vertx.core.AbstractVerticle() {
                @Override
                public void start() {
                    this.vertx.createHttpServer(new HttpServerOptions().setTcpNoDelay(true)).requestHandler(request -> {
                        if (!request.path().equals("/webhooks/clerk")) {
                            request.response().setStatusCode(404).end();
                            return;
                        }
                        request.body().onSuccess(body -> handle(request, body, queues));
                    }).listen(Integer.parseInt(System.getenv("PORT")));
                }
            });
        }
    }

    private static void handle(HttpServerRequest request, Buffer buffer, List<LinkedBlockingQueue<Event>> queues) {
        byte[] body = buffer.getBytes();
        if (!verified(request, body)) {
            request.response().setStatusCode(401).end();
            return;
        }
        try {
            JsonNode event = JSON.readTree(body);
            JsonNode user = event.get("data");
            String id = user.get("id").textValue();
            Event row = event.get("type").textValue().equals("user.deleted")
                    ? new Event(id, null, null, null, null, event.get("timestamp").longValue(), null, request)
                    : new Event(id, JSON.writeValueAsString(user), user.get("first_name").textValue() + " " + user.get("last_name").textValue(), email(user),
                            user.get("created_at").longValue(), null, user.get("updated_at").longValue(), request);
            queues.get(Math.floorMod(id.hashCode(), WRITERS)).add(row);
        } catch (java.io.IOException | RuntimeException e) {
            request.response().setStatusCode(422).end();
        }
    }

    private static String email(JsonNode user) {
        for (JsonNode address : user.get("email_addresses")) {
            if (address.get("id").equals(user.get("primary_email_address_id"))) {
                return address.get("email_address").textValue();
            }
        }
        return null;
    }

    private static boolean verified(HttpServerRequest request, byte[] body) {
        String id = request.getHeader("webhook-id");
        String timestamp = request.getHeader("webhook-timestamp");
        String signatures = request.getHeader("webhook-signature");
        if (id == null || timestamp == null || signatures == null || Math.abs(System.currentTimeMillis() / 1000 - Long.parseLong(timestamp)) > 300) {
            return false;
        }
        Mac mac = MAC.get();
        mac.update((id + "." + timestamp + ".").getBytes());
        byte[] expected = mac.doFinal(body);
        for (String signature : signatures.split(" ")) {
            if (signature.startsWith("v1,") && MessageDigest.isEqual(expected, Base64.getDecoder().decode(signature.substring(3)))) {
                return true;
            }
        }
        return false;
    }

    private static void write(LinkedBlockingQueue<Event> queue) {
        String url = System.getenv("DATABASE_URL").replaceFirst("postgres://(\\w+)@", "jdbc:postgresql://") + "?user=postgres";
        try (Connection connection = DriverManager.getConnection(url); PreparedStatement upsert = connection.prepareStatement(SQL)) {
            List<Event> rest = new ArrayList<>();
            while (true) {
                if (rest.isEmpty()) {
                    rest.add(queue.take());
                }
                queue.drainTo(rest, 500 - rest.size());
                Map<String, Event> batch = new LinkedHashMap<>();
                List<Event> later = new ArrayList<>();
                rest.forEach(event -> {
                    if (batch.putIfAbsent(event.id, event) != null) {
                        later.add(event);
                    }
                });
                rest = later;
                Event[] events = batch.values().toArray(Event[]::new);
                upsert.setObject(1, column(events, Event::id, String[]::new));
                upsert.setObject(2, column(events, Event::raw, String[]::new));
                upsert.setObject(3, column(events, Event::name, String[]::new));
                upsert.setObject(4, column(events, Event::email, String[]::new));
                upsert.setObject(5, column(events, Event::created, Long[]::new));
                upsert.setObject(6, column(events, Event::deleted, Long[]::new));
                upsert.setObject(7, column(events, Event::updated, Long[]::new));
                upsert.executeUpdate();
                for (Event event : events) {
                    event.request.response().setStatusCode(204).end();
                }
            }
        } catch (java.sql.SQLException | InterruptedException e) {
            e.printStackTrace();
            System.exit(1);
        }
    }

    private static <T> T[] column(Event[] events, java.util.function.Function<Event, T> field, java.util.function.IntFunction<T[]> array) {
        return java.util.Arrays.stream(events).map(field).toArray(array);
    }
}
