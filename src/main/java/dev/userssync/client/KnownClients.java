package dev.userssync.client;

import dev.userssync.database.Database;
import dev.userssync.event.Failure;
import dev.userssync.settings.ContextBean;
import dev.userssync.settings.IdPrefixes;
import dev.userssync.settings.StartupFailure;
import io.vertx.core.http.HttpServerRequest;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.camel.BindToRegistry;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.component.platform.http.vertx.HttpMessage;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds the SCIM client of a request by its bearer token. In: the HTTP request. Out: the variable {@link
 * ScimClient#VARIABLE}, if the token belongs to a client; otherwise the token of SCIM_WEBHOOK_SECRET must prove the
 * request. It keeps the valid tokens for two seconds: a flood of wrong ones costs about one query in two seconds, and a
 * revoked one ends on every instance. Thread-safe.
 */
@BindToRegistry("scim-client")
public final class KnownClients extends ContextBean implements Processor {

    private static final Logger LOG = LoggerFactory.getLogger("users-sync.scim");
    private static final long FRESH = TimeUnit.SECONDS.toNanos(2);
    /** While one request reads the tokens again, the others use tokens of up to this age, and do not wait. */
    private static final long OLDEST = TimeUnit.SECONDS.toNanos(5);

    private static final String VALID =
            "SELECT t.hash, c.name, c.id_prefix, c.organization_id, coalesce(t.used_at < now() - interval '1 hour', true)"
                    + " FROM users_sync_internal.scim_token AS t JOIN users_sync_internal.scim_client AS c ON c.name = t.client"
                    + " WHERE c.removed_at IS NULL AND coalesce(t.ends_at > now(), true)";

    private final AtomicBoolean reading = new AtomicBoolean();
    private volatile Valid valid;

    /** @param noteUse whether the last noted use is an hour ago */
    private record Token(ScimClient client, boolean noteUse) {}

    private record Valid(Map<String, Token> byHash, long readAt) {}

    @Override
    public void process(Exchange exchange) throws SQLException {
        HttpServerRequest request = exchange.getMessage(HttpMessage.class).getRequest();
        String token = ClientToken.in(request.headers().getAll("Authorization"));
        if (token == null) {
            return;
        }
        String hash = ClientToken.hash(token);
        Token known = valid().byHash.get(hash);
        if (known != null) {
            if (known.noteUse) {
                noteUse(hash);
            }
            exchange.setVariable(ScimClient.VARIABLE, known.client);
        }
    }

    /** Call it after a change of the clients, so that this instance knows it at once. */
    public void forget() {
        valid = null;
    }

    private Valid valid() throws SQLException {
        Valid last = valid;
        long age = last == null ? Long.MAX_VALUE : System.nanoTime() - last.readAt;
        if (age < FRESH) {
            return last;
        }
        boolean alone = reading.compareAndSet(false, true);
        if (!alone && age < OLDEST) {
            return last;
        }
        try {
            Valid read = read();
            valid = read;
            return read;
        } finally {
            if (alone) {
                reading.set(false);
            }
        }
    }

    private Valid read() throws SQLException {
        long readAt = System.nanoTime();
        Map<String, Token> byHash = new HashMap<>();
        try (Connection connection = Database.of(context).connection();
                Statement select = connection.createStatement();
                ResultSet rows = select.executeQuery(VALID)) {
            while (rows.next()) {
                byHash.put(
                        rows.getString(1),
                        new Token(
                                new ScimClient(rows.getString(2), rows.getString(3), rows.getString(4)),
                                rows.getBoolean(5)));
            }
        }
        return new Valid(byHash, readAt);
    }

    /** Once an hour for each token. A failure costs nobody a request. */
    private void noteUse(String hash) {
        try (Connection connection = Database.of(context).connection();
                PreparedStatement update = connection.prepareStatement(
                        "UPDATE users_sync_internal.scim_token SET used_at = now() WHERE hash = ?")) {
            update.setString(1, hash);
            update.executeUpdate();
            forget();
        } catch (SQLException e) {
            LOG.debug("the use of a token was not noted: {}", Failure.safeReason(e));
        }
    }

    /**
     * Whether there is a SCIM client. Call it at start: it opens the database.
     *
     * @throws StartupFailure if the ids of a client, or of one that was removed, could be a provider's
     */
    public static boolean anyIn(CamelContext context, IdPrefixes prefixes) {
        boolean any = false;
        try (Connection connection = Database.of(context).connection();
                Statement select = connection.createStatement();
                ResultSet clients = select.executeQuery(
                        "SELECT name, id_prefix, removed_at IS NULL FROM users_sync_internal.scim_client ORDER BY name")) {
            while (clients.next()) {
                String fault = prefixes.fault(clients.getString(2));
                if (fault != null) {
                    throw new StartupFailure("the SCIM client " + clients.getString(1) + ": " + fault);
                }
                any |= clients.getBoolean(3);
            }
        } catch (SQLException e) {
            // An instance that fills a topic may start without its database. A role without the right is not ready.
            LOG.warn(
                    "SCIM clients are off until the next start, because they cannot be read: {}",
                    Failure.safeReason(e));
        }
        return any;
    }
}
