package dev.userssync.provider;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.userssync.settings.Providers;
import dev.userssync.settings.StartupFailure;
import java.util.Properties;
import org.apache.camel.impl.DefaultCamelContext;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** An API key alone names neither the API's address nor the tenant of the users. */
class ApiSettingsTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "okta.api.url= | OKTA_API_URL must be the address of the provider's API, such as https://api.example.com, when OKTA_API_KEY is set",
                "okta.api.url=orchard.okta.com | OKTA_API_URL must be the address of the provider's API, such as https://api.example.com, when OKTA_API_KEY is set",
                "okta.api.url=https://user@orchard.okta.com | OKTA_API_URL must be the address of the provider's API, such as https://api.example.com, when OKTA_API_KEY is set",
                "okta.api.url=https://orchard.okta.com/?x | OKTA_API_URL must be the address of the provider's API, such as https://api.example.com, when OKTA_API_KEY is set",
                "okta.api.url=https://orchard.okta.com okta.realm= | OKTA_REALM must be set when OKTA_API_KEY is set"
            })
    void whatIsMissingStopsTheStart(String settings, String line) {
        assertEquals(
                line, assertThrows(StartupFailure.class, () -> check(settings)).getMessage());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "okta.api.url=https://orchard.okta.com",
                "okta.api.url=http://localhost:8080/auth/base",
                "okta.api.url=https://orchard.okta.com okta.realm=r"
            })
    void whatIsCompleteDoesNot(String settings) {
        assertDoesNotThrow(() -> check(settings));
    }

    private static void check(String settings) throws Exception {
        Properties properties = new Properties();
        properties.setProperty("okta.api.key", "s3cret");
        for (String setting : settings.split(" ")) {
            properties.setProperty(setting.split("=", 2)[0], setting.split("=", 2)[1]);
        }
        try (DefaultCamelContext camel = new DefaultCamelContext()) {
            camel.getPropertiesComponent().setInitialProperties(properties);
            new Providers(camel).check();
        }
    }
}
