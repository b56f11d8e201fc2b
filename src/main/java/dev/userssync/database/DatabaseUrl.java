package dev.userssync.database;

import dev.userssync.settings.Setting;
import dev.userssync.settings.StartupFailure;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Properties;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.apache.camel.CamelContext;
import org.postgresql.Driver;

/**
 * The address and login of a database: a URL in the JDBC form or in the form
 * {@code postgres[ql]://user:password@host/db?options} of hosting providers.
 */
public record DatabaseUrl(String jdbcUrl, String user, String password) {

    /**
     * Off, because the driver logs an unreadable URL with its password. A field, because the JDK collects unreferenced
     * loggers.
     */
    private static final Logger DRIVER = Logger.getLogger("org.postgresql");

    static {
        DRIVER.setLevel(Level.OFF);
    }

    /**
     * @param setting the setting of the URL
     * @throws StartupFailure if the driver cannot read the URL; the message never shows it
     */
    public static DatabaseUrl of(String setting, String url) {
        DatabaseUrl address = parts(setting, url);
        // In the JDBC form the driver would take user:password@host for a host name, and show it.
        if (Driver.parseURL(address.jdbcUrl, null) == null || address.jdbcUrl.matches("jdbc:postgresql://[^/?]*@.*")) {
            throw unreadable(setting);
        }
        return address;
    }

    /**
     * The same address with the current login: DATABASE_USER and DATABASE_PASSWORD win over the URL. A password in a
     * file may have changed.
     */
    DatabaseUrl withLogin(CamelContext settings) {
        Properties options = Driver.parseURL(jdbcUrl, new Properties()); // a JDBC URL may hold the login
        return new DatabaseUrl(
                jdbcUrl,
                firstOf(Setting.of(settings, "database.user"), user, options.getProperty("user")),
                firstOf(Setting.of(settings, "database.password"), password, options.getProperty("password")));
    }

    private static String firstOf(String setting, String login, String option) {
        return !setting.isEmpty() ? setting : login != null ? login : option;
    }

    /** The address for people, without user, password and options. */
    String described() {
        return jdbcUrl.replaceFirst("\\?.*", "");
    }

    private static DatabaseUrl parts(String setting, String url) {
        if (url.startsWith("jdbc:postgresql:")) {
            return new DatabaseUrl(url, null, null);
        }
        if (!url.matches("postgres(ql)?://.+")) {
            throw new StartupFailure(setting + " must start with jdbc:postgresql:// or postgres://");
        }
        String rest = url.substring(url.indexOf("//") + 2).replace("channel_binding=", "channelBinding=");
        int at = rest.lastIndexOf('@');
        String[] login = at < 0 ? new String[0] : rest.substring(0, at).split(":", 2);
        return new DatabaseUrl(
                "jdbc:postgresql://" + rest.substring(at + 1),
                login.length > 0 ? decode(setting, login[0]) : null,
                login.length > 1 ? decode(setting, login[1]) : null);
    }

    private static String decode(String setting, String part) {
        try {
            return URLDecoder.decode(part.replace("+", "%2B"), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            throw unreadable(setting); // a % without two hexadecimal digits after it
        }
    }

    private static StartupFailure unreadable(String setting) {
        return new StartupFailure(setting + " cannot be read: write postgres://user:password@host:port/database or"
                + " jdbc:postgresql://host:port/database?user=...&password=..., special characters percent-encoded");
    }

    /** Shows no password. */
    @Override
    public String toString() {
        return jdbcUrl;
    }
}
