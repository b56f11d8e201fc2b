package dev.userssync.settings;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.camel.impl.DefaultCamelContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Settings that must be mistakes: values of another kind, and names that nothing reads. */
class SettingsTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "camel.server.port | abc | PORT must be a port number, not abc",
                "camel.server.port | 65536 | PORT must be a port number, not 65536",
                "camel.management.port | -1 | MANAGEMENT_PORT must be a port number, not -1",
                "camel.server.maxBodySize | 1MB | MAX_BODY_SIZE must be a number of bytes, not 1MB",
                "request.timeout | 30s | REQUEST_TIMEOUT must be a number of seconds from 1 to 99999, not 30s",
                "retry.after | 0 | RETRY_AFTER must be a number of seconds from 1 to 99999, not 0",
                "database.migrate | no | DATABASE_MIGRATE must be true or false, not no",
                "shared.ids | yes | SHARED_IDS must be true or false, not yes",
                "tracing.enabled | on | TRACING must be true or false, not on",
                "camel.ssl.enabled | 1 | TLS_ENABLED must be true or false, not 1",
                "event-log.enabled | off | EVENT_LOG must be true or false, not off",
                "kinde.webhook.tolerance | 5m | KINDE_WEBHOOK_TOLERANCE must be a number of seconds from 1 to 99999, not 5m",
                "kafka.consumers | two | KAFKA_CONSUMERS must be a number from 1 to 999, not two"
            })
    void aValueOfAnotherKindIsNamedWithItsVariable(String setting, String value, String message) throws Exception {
        try (DefaultCamelContext camel = new DefaultCamelContext()) {
            camel.getPropertiesComponent().setLocation("classpath:application.properties");
            assertDoesNotThrow(() -> SettingKinds.check(camel), "the defaults");
            camel.getPropertiesComponent().addOverrideProperty(setting, value);
            assertEquals(
                    message,
                    assertThrows(StartupFailure.class, () -> SettingKinds.check(camel))
                            .getMessage());
        }
    }

    @Test
    void aMisspelledNameIsReportedWithTheRightOne() throws Exception {
        try (DefaultCamelContext camel = new DefaultCamelContext()) {
            camel.getPropertiesComponent().setLocation("classpath:application.properties");
            Properties own = new Properties();
            own.setProperty("acme.webhook.secret", "x"); // your own provider
            camel.getPropertiesComponent().setInitialProperties(own);
            Set<String> known = SettingNames.known(camel);
            assertTrue(
                    known.containsAll(List.of(
                            "CLERK_WEBHOOK_SECRET", "DATA_DIR", "PORT", "OKTA_API_KEY_FILE", "ACME_WEBHOOK_SECRET")),
                    known.toString());
            assertEquals(
                    List.of(
                            "CLERK_WEBHOK_SECRET is set, but there is no such setting: did you mean CLERK_WEBHOOK_SECRET?",
                            "DATABSE_URL is set, but there is no such setting: did you mean DATABASE_URL?",
                            "GITHUB_WEBHOOK_SECRET is set, but there is no provider github; there are clerk, okta",
                            "OKTA_API_KYE is set, but there is no such setting: did you mean OKTA_API_KEY?",
                            "WORKOS_WEBHOOK_SECRET_FIEL is set, but there is no such setting: did you mean WORKOS_WEBHOOK_SECRET_FILE?"),
                    SettingNames.findings(
                            Map.ofEntries(
                                    Map.entry("CLERK_WEBHOK_SECRET", "s"),
                                    Map.entry("DATABSE_URL", "s"),
                                    Map.entry("OKTA_API_KYE", "s"),
                                    Map.entry("WORKOS_WEBHOOK_SECRET_FIEL", "s"),
                                    Map.entry("GITHUB_WEBHOOK_SECRET", "s"),
                                    Map.entry("ACME_WEBHOOK_SECRET", "s"),
                                    Map.entry("HOST", "s"),
                                    Map.entry("PORTS", "s"),
                                    Map.entry("OPENAI_API_KEY", "s"),
                                    Map.entry("CLERK_SECRET_KEY", "s"),
                                    Map.entry("JAVA_HOME", "s"),
                                    Map.entry("CLERK_WEBHOOKS_SECRET", ""),
                                    Map.entry("OTEL_EXPORTER_OTLP_ENDPOINT", "s")),
                            known,
                            List.of("clerk", "okta")));
        }
    }
}
