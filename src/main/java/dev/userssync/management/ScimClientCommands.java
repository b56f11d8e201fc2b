package dev.userssync.management;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.userssync.client.ClientToken;
import dev.userssync.client.KnownClients;
import dev.userssync.event.UserId;
import dev.userssync.settings.IdPrefixes;
import dev.userssync.settings.Providers;
import dev.userssync.settings.Setting;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.BiConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.camel.CamelContext;

/**
 * The operator's commands for SCIM clients: {@code GET /admin/scim-clients}, {@code POST
 * /admin/scim-clients?name=&organization=} (also {@code organizationName} and {@code prefix}), {@code POST
 * /admin/scim-clients/rotate?name=&keep=24h} and {@code POST /admin/scim-clients/remove?name=}. Only the reply to the
 * request that makes a token shows it. Thread-safe.
 */
final class ScimClientCommands {

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,62}");
    /** Characters that a path holds unchanged. */
    private static final Pattern ID_PREFIX = Pattern.compile("[A-Za-z0-9._:-]{1,64}");

    private static final Pattern DURATION = Pattern.compile("(\\d{1,6})\\s*([smhd])");
    private static final Map<String, Integer> SECONDS = Map.of("s", 1, "m", 60, "h", 3_600, "d", 86_400);
    private static final String A_DAY = "24h";
    private static final JsonMapper JSON = new JsonMapper();

    private final CamelContext context;
    private final OperatorRoutes routes;

    ScimClientCommands(CamelContext context, OperatorRoutes routes) {
        this.context = context;
        this.routes = routes;
    }

    /** @param answer checks the caller, and answers with the text of the work */
    void serveOn(Router router, BiConsumer<RoutingContext, Callable<String>> answer) {
        router.get("/admin/scim-clients").handler(request -> answer.accept(request, this::list));
        router.post("/admin/scim-clients").handler(request -> answer.accept(request, () -> add(request)));
        router.post("/admin/scim-clients/rotate").handler(request -> answer.accept(request, () -> rotate(request)));
        router.post("/admin/scim-clients/remove").handler(request -> answer.accept(request, () -> remove(request)));
    }

    private String list() throws Exception {
        List<Map<String, Object>> clients = routes.rows("list-scim-clients");
        for (Map<String, Object> client : clients) {
            client.put("tokens", JSON.readTree((String) client.get("tokens")));
        }
        return JSON.writeValueAsString(clients);
    }

    private String add(RoutingContext request) throws Exception {
        String name = name(request);
        String organization = Parameters.required(request, "organization").strip();
        String organizationName = Parameters.optional(request, "organizationName");
        String prefix = Parameters.optional(request, "prefix");
        prefix = prefix == null ? name + ":" : prefix;
        if (!ID_PREFIX.matcher(prefix).matches()) {
            throw new IllegalArgumentException(
                    "the prefix must have 1 to 64 letters, digits and characters of . _ : -, such as " + name + ":");
        }
        // A membership's id holds both; half of the length is left to the id at the client.
        String fault = UserId.fault(organization + ":" + prefix);
        if (fault != null || organization.length() > UserId.LONGEST / 2) {
            throw new IllegalArgumentException("the organization's id "
                    + (fault == null ? "is longer than " + UserId.LONGEST / 2 + " characters" : fault));
        }
        fault = new IdPrefixes(context, new Providers(context)).fault(prefix);
        if (fault != null) {
            throw new IllegalArgumentException("the SCIM client was not added: " + fault);
        }
        String token = ClientToken.make();
        change(
                "add-scim-client",
                "name",
                name,
                "organization",
                organization,
                "organizationName",
                organizationName == null ? organization : organizationName,
                "prefix",
                prefix,
                "hash",
                ClientToken.hash(token));
        Map<String, Object> added = new LinkedHashMap<>();
        added.put("name", name);
        added.put("organization", organization);
        added.put("id_prefix", prefix);
        added.put("token", token);
        added.put("restart_needed", !Setting.of(context, Providers.SCIM_ON).equals("true"));
        return JSON.writeValueAsString(added);
    }

    private String rotate(RoutingContext request) throws Exception {
        String name = name(request);
        String keep = Parameters.optional(request, "keep");
        keep = keep == null ? A_DAY : keep;
        Matcher duration = DURATION.matcher(keep.strip());
        if (!duration.matches()) {
            throw new IllegalArgumentException("keep must be a number and s, m, h or d, such as 24h or 0s");
        }
        String token = ClientToken.make();
        long seconds = Long.parseLong(duration.group(1)) * SECONDS.get(duration.group(2));
        change("rotate-scim-client", "name", name, "hash", ClientToken.hash(token), "seconds", Long.toString(seconds));
        return JSON.writeValueAsString(Map.of("name", name, "token", token));
    }

    private String remove(RoutingContext request) throws Exception {
        String name = name(request);
        return JSON.writeValueAsString(change("remove-scim-client", "name", name));
    }

    private Object change(String route, Object... headers) throws Exception {
        Object result = routes.ask(route, headers);
        context.getRegistry()
                .lookupByNameAndType("scim-client", KnownClients.class)
                .forget();
        return result;
    }

    private static String name(RoutingContext request) {
        String name = Parameters.required(request, "name").strip();
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException(
                    "the name must have 1 to 63 letters, digits and characters of . _ -, and start with a letter or digit");
        }
        return name;
    }
}
