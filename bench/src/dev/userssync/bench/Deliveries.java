package dev.userssync.bench;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import java.util.BitSet;
import java.util.Random;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Deliveries as Clerk sends them, signed in advance. A user's first event creates it; then 95 of 100 update and 5
 * delete. One in a hundred is sent twice, as a provider does that retries. Knows afterwards which rows the table must
 * hold. Not thread-safe.
 */
public final class Deliveries {

    static final String SECRET = "whsec_" + Base64.getEncoder().encodeToString("the benchmark's secret, 32 bytes".getBytes(StandardCharsets.UTF_8));
    private static final long FIRST_VERSION = Instant.parse("2026-01-01T00:00:00Z").toEpochMilli();

    private final int users;
    private final long[] profile; // the newest acknowledged version of each user's profile, 0 = none
    private final long[] deletion;
    private final BitSet known = new BitSet();
    private final BitSet uncertain = new BitSet(); // users with an unacknowledged event, which may be applied or not
    private final Random random = new Random(42);
    private long version = FIRST_VERSION;

    private byte[][] requests;
    private int[] user;
    private long[] versions;
    private boolean[] deletes;

    Deliveries(int users) {
        this.users = users;
        this.profile = new long[users];
        this.deletion = new long[users];
    }

    /** Signs the next deliveries. Settle the previous ones first. */
    byte[][] next(int count, int port) throws GeneralSecurityException {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(Base64.getDecoder().decode(SECRET.substring("whsec_".length())), "HmacSHA256"));
        String timestamp = Long.toString(Instant.now().getEpochSecond());
        requests = new byte[count][];
        user = new int[count];
        versions = new long[count];
        deletes = new boolean[count];
        for (int i = 0; i < count; i++) {
            if (i > 0 && random.nextInt(100) == 0) {
                int twice = i - 1 - random.nextInt(Math.min(i, 50));
                requests[i] = requests[twice];
                user[i] = user[twice];
                versions[i] = versions[twice];
                deletes[i] = deletes[twice];
                continue;
            }
            user[i] = random.nextInt(users);
            versions[i] = ++version;
            boolean first = !known.get(user[i]);
            known.set(user[i]);
            deletes[i] = !first && random.nextInt(20) == 0;
            String data = deletes[i] ? "{\"id\":\"" + Profiles.id(user[i]) + "\",\"object\":\"user\",\"deleted\":true}"
                    : Profiles.json(user[i], FIRST_VERSION, version);
            byte[] body = ("{\"data\":" + data + ",\"object\":\"event\",\"type\":\"user." + (deletes[i] ? "deleted" : first ? "created" : "updated")
                    + "\",\"timestamp\":" + version + ",\"instance_id\":\"ins_bench\"}").getBytes(StandardCharsets.UTF_8);
            String id = "msg_" + version;
            mac.update((id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8));
            String signature = Base64.getEncoder().encodeToString(mac.doFinal(body));
            byte[] head = ("POST /webhooks/clerk HTTP/1.1\r\nHost: localhost:" + port + "\r\nContent-Type: application/json\r\nContent-Length: "
                    + body.length + "\r\nUser-Agent: Svix-Webhooks/1.24 (sender-9YMgn)\r\nwebhook-id: " + id + "\r\nwebhook-timestamp: " + timestamp
                    + "\r\nwebhook-signature: v1," + signature + "\r\n\r\n").getBytes(StandardCharsets.UTF_8);
            requests[i] = Arrays.copyOf(head, head.length + body.length);
            System.arraycopy(body, 0, requests[i], head.length, body.length);
        }
        return requests;
    }

    /**
     * Records the answers to the first {@code sent} deliveries of the last signed ones; {@code status[i]} is 0 without
     * an answer.
     */
    void settle(int sent, int[] status) {
        for (int i = 0; i < sent; i++) {
            if (status[i] == 204) {
                long[] newest = deletes[i] ? deletion : profile;
                newest[user[i]] = Math.max(newest[user[i]], versions[i]);
            } else {
                uncertain.set(user[i]);
            }
        }
        requests = null;
    }

    /**
     * Compares the table with the acknowledged deliveries. Prints the first wrong rows, and returns the number of all.
     */
    int wrongRows(Connection connection) throws SQLException {
        int wrong = 0;
        java.util.Map<String, Integer> byId = new java.util.HashMap<>();
        for (int u = 0; u < users; u++) {
            byId.put(Profiles.id(u), u);
        }
        boolean[] seen = new boolean[users];
        ResultSet rows = connection.createStatement().executeQuery("SELECT id, name, email, (raw_json ->> 'updated_at')::bigint,"
                + " (extract(epoch FROM updated_at) * 1000)::bigint, (extract(epoch FROM deleted_at) * 1000)::bigint FROM neon_auth.users_sync");
        while (rows.next()) {
            Integer u = byId.get(rows.getString(1));
            if (u == null) {
                continue; // seeded
            }
            seen[u] = true;
            long row = rows.getLong(5);
            long deleted = rows.getLong(6);
            long expectedDeletion = deletion[u] >= profile[u] ? deletion[u] : 0;
            boolean right = uncertain.get(u) ? row >= profile[u]
                    : row == profile[u] && deleted == expectedDeletion
                            && (row == 0 || rows.getLong(4) == row && Profiles.name(u, row).equals(rows.getString(2)) && Profiles.email(u).equals(rows.getString(3)));
            if (!right && wrong++ < 3) {
                System.err.printf("  wrong: user %d has version %d, deleted %d instead of %d, %d%n", u, row, deleted, profile[u], expectedDeletion);
            }
        }
        for (int u = 0; u < users; u++) {
            if (!seen[u] && profile[u] + deletion[u] > 0 && wrong++ < 3) {
                System.err.printf("  wrong: user %d is missing%n", u);
            }
        }
        return wrong;
    }
}
