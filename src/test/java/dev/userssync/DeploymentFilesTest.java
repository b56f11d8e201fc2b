package dev.userssync;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * The unit and the manifests in docs/deploy name only what exists: settings, ports, probes, the user of the image, the
 * script.
 */
class DeploymentFilesTest {

    private static final Path KUBERNETES = Path.of("docs/deploy/kubernetes.yaml");
    private static final Path SYSTEMD = Path.of("docs/deploy/users-sync.service");

    private static Map<String, JsonNode> manifests() throws IOException {
        Map<String, JsonNode> manifests = new HashMap<>();
        ObjectMapper yaml = new ObjectMapper(new YAMLFactory());
        try (var documents = yaml.readerFor(JsonNode.class).readValues(KUBERNETES.toFile())) {
            while (documents.hasNext()) {
                JsonNode manifest = (JsonNode) documents.next();
                manifests.put(
                        manifest.path("kind").asText() + " "
                                + manifest.at("/metadata/name").asText(),
                        manifest);
            }
        }
        return manifests;
    }

    private static Set<String> settings() throws IOException {
        Set<String> settings = new TreeSet<>();
        Matcher setting = Pattern.compile("\\{\\{env:([A-Z_]+)")
                .matcher(Files.readString(Path.of("config/application.properties")));
        while (setting.find()) {
            settings.add(setting.group(1));
        }
        Matcher ofTheLog =
                Pattern.compile("\\$\\{env:([A-Z_]+)").matcher(Files.readString(Path.of("config/log4j2.properties")));
        while (ofTheLog.find()) {
            settings.add(ofTheLog.group(1));
        }
        return settings;
    }

    @Test
    void theReplicasAreProbedAndRunAsTheUserOfTheImage() throws IOException {
        JsonNode deployment = manifests().get("Deployment users-sync");
        assertEquals(2, deployment.at("/spec/replicas").asInt());
        assertEquals(deployment.at("/spec/selector/matchLabels"), deployment.at("/spec/template/metadata/labels"));
        JsonNode pod = deployment.at("/spec/template/spec");
        String pom = Files.readString(Path.of("pom.xml"));
        assertTrue(pod.at("/securityContext/runAsNonRoot").asBoolean());
        assertTrue(
                pom.contains("<user>" + pod.at("/securityContext/runAsUser").asText() + ":"), "the user of the image");
        JsonNode container = pod.at("/containers/0");
        assertTrue(container.at("/securityContext/readOnlyRootFilesystem").asBoolean());
        assertFalse(container.at("/securityContext/allowPrivilegeEscalation").asBoolean(true));
        Map<String, Integer> ports = new HashMap<>();
        container
                .path("ports")
                .forEach(port -> ports.put(
                        port.path("name").asText(), port.path("containerPort").asInt()));
        ports.values().forEach(port -> assertTrue(pom.contains("<port>" + port + "</port>"), "a port of the image"));
        for (String probe : Set.of("startupProbe", "readinessProbe", "livenessProbe")) {
            assertTrue(container.at("/" + probe + "/httpGet/path").asText().startsWith("/observe/health/"), probe);
            assertTrue(
                    ports.containsKey(
                            container.at("/" + probe + "/httpGet/port").asText()),
                    probe);
        }
        assertTrue(pod.path("terminationGracePeriodSeconds").asInt() > 20, "longer than camel.main.shutdownTimeout");
        Matcher version = Pattern.compile("<artifactId>users-sync</artifactId>\\s*<version>(.+)</version>")
                .matcher(pom);
        assertTrue(version.find());
        assertEquals("users-sync:" + version.group(1), container.path("image").asText());
    }

    @Test
    void theManifestsNameSettingsThatThereAre() throws IOException {
        Map<String, JsonNode> manifests = manifests();
        Set<String> named = new TreeSet<>();
        manifests.get("Secret users-sync").path("stringData").fieldNames().forEachRemaining(named::add);
        JsonNode container = manifests.get("Deployment users-sync").at("/spec/template/spec/containers/0");
        container
                .path("env")
                .forEach(variable -> named.add(variable.path("name").asText()));
        container
                .path("envFrom")
                .forEach(source -> assertTrue(manifests.containsKey(
                        "Secret " + source.at("/secretRef/name").asText())));
        Set<String> settings = settings();
        named.forEach(name -> assertTrue(settings.contains(name), name));
    }

    @Test
    void theServicesReachThePorts() throws IOException {
        Map<String, JsonNode> manifests = manifests();
        JsonNode template = manifests.get("Deployment users-sync").at("/spec/template");
        for (String service : Set.of("Service users-sync", "Service users-sync-management")) {
            JsonNode spec = manifests.get(service).path("spec");
            assertEquals(template.at("/metadata/labels"), spec.path("selector"), service);
            String port = spec.at("/ports/0/targetPort").asText();
            boolean found = false;
            for (JsonNode containerPort : template.at("/spec/containers/0/ports")) {
                found |= containerPort.path("name").asText().equals(port);
            }
            assertTrue(found, service);
        }
        assertFalse(
                manifests.get("Service users-sync").toString().contains("management"),
                "the console is not where the provider sends to");
    }

    @Test
    void theUnitStartsTheScriptOfTheDistribution() throws IOException {
        String unit = Files.readString(SYSTEMD);
        Matcher start =
                Pattern.compile("(?m)^ExecStart=/opt/users-sync/(\\S+)$").matcher(unit);
        assertTrue(start.find());
        Path script = Path.of("src/main/distribution", start.group(1));
        assertTrue(Files.isExecutable(script), script.toString());
        Matcher environment = Pattern.compile("(?m)^Environment=(.*)$").matcher(unit);
        assertTrue(environment.find());
        Set<String> settings = settings();
        for (String variable : environment.group(1).split(" ")) {
            String name = variable.replaceFirst("=.*", "");
            assertTrue(settings.contains(name) || Files.readString(script).contains(name), name);
        }
        assertTrue(unit.contains("DynamicUser=yes"), "not root");
    }
}
