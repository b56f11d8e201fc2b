package dev.userssync;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpServer;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.RunningApp;
import dev.userssync.verify.VerificationScheme;
import dev.userssync.verify.VerifyComponent;
import java.io.IOException;
import java.io.StringReader;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.camel.support.PluginHelper;
import org.apache.camel.support.ResourceHelper;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/**
 * Follows docs/add-a-provider.md word for word: the running application loads the files shown there and does what the
 * page says.
 */
class AddAProviderTest extends RunningApp {

    private final List<String> yaml;
    private final List<String> json;
    private final HttpServer api = HttpServer.create(new InetSocketAddress("localhost", 0), 0);

    AddAProviderTest() throws IOException {
        String guide = Files.readString(Path.of("docs/add-a-provider.md"));
        yaml = blocks(guide, "yaml");
        json = blocks(guide, "json");
        for (String block : blocks(guide, "properties")) {
            Properties properties = new Properties();
            properties.load(new StringReader(block));
            properties.forEach((name, value) ->
                    settings.setProperty(name.toString(), value.toString().replaceAll("\\{\\{.*}}", "")));
        }
        settings.setProperty("acme.api.key", "acme-key");
        settings.setProperty(
                "acme.api.url", "http://localhost:" + api.getAddress().getPort());
    }

    private static List<String> blocks(String guide, String language) {
        List<String> blocks = new ArrayList<>();
        Matcher block =
                Pattern.compile("```" + language + "\n(.*?)```", Pattern.DOTALL).matcher(guide);
        while (block.find()) {
            blocks.add(block.group(1));
        }
        return blocks;
    }

    @AfterAll
    void stopApi() {
        api.stop(0);
    }

    @Test
    void theExampleOfTheGuideWorks() throws Exception {
        assertEquals(2, yaml.size(), "the route of the provider, and one for its API");
        for (String route : yaml) {
            String name = new ObjectMapper(new com.fasterxml.jackson.dataformat.yaml.YAMLFactory())
                    .readTree(route)
                    .at("/0/route/id")
                    .textValue();
            PluginHelper.getRoutesLoader(context).loadRoutes(ResourceHelper.fromString(name + ".camel.yaml", route));
        }
        assertEquals(2, json.size(), "a delivery and its user event");
        JsonNode expected = new ObjectMapper().readTree(json.get(1));
        VerificationScheme scheme =
                context.getComponent("verify", VerifyComponent.class).scheme("acme");
        assertEquals(
                expected.path("reply").intValue(),
                new Delivery(scheme.sign(json.get(0).getBytes()))
                        .post(webhooks("acme"))
                        .statusCode());
        JsonNode row = new ObjectMapper().readTree(database.value("SELECT to_jsonb(u) FROM neon_auth.users_sync u"));
        assertEquals(expected.path("row").path("raw_json"), row.path("raw_json"));
        for (String column : List.of("id", "name", "email", "updated_at", "deleted_at")) {
            assertEquals(expected.path("row").path(column), row.path(column), column);
        }
        assertEquals(
                OffsetDateTime.parse(expected.path("row").path("created_at").textValue())
                        .toInstant(),
                OffsetDateTime.parse(row.path("created_at").textValue()).toInstant());

        // Step 6: a nudge makes users-sync fetch the user, through the same mapping.
        api.createContext("/v1/members/m_17", request -> {
            byte[] user = "{\"uid\": \"m_17\", \"first\": \"Augusta\", \"since\": \"2026-01-01T00:00:00Z\"}".getBytes();
            boolean allowed =
                    "Bearer acme-key".equals(request.getRequestHeaders().getFirst("Authorization"));
            request.sendResponseHeaders(allowed ? 200 : 401, user.length);
            request.getResponseBody().write(user);
            request.close();
        });
        api.start();
        var fetched = context.createFluentProducerTemplate()
                .to("direct:acme-user")
                .withVariable("provider", "acme")
                .withVariable("userId", "m_17")
                .send();
        assertTrue(fetched.getException() == null, () -> "" + fetched.getException());
        assertEquals("Augusta", database.value("SELECT name FROM neon_auth.users_sync"));
    }
}
