package dev.userssync.settings;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.camel.CamelContext;

/**
 * The providers in the settings. Each setting {@code <provider>.webhook.secret} or {@code <provider>.jwks.url} names
 * one, and a value in either turns the provider on. Thread-safe.
 */
public final class Providers {

    public static final String SECRET = ".webhook.secret";
    /** The URL of the public keys of a provider that signs with a private key. */
    public static final String JWKS_URL = ".jwks.url";

    public static final String API_KEY = ".api.key";
    public static final String API_URL = ".api.url";
    /** The tenant at a provider: without it the address of the API is incomplete. */
    private static final List<String> TENANTS = List.of(".realm", ".project.id");

    public static final String ID_PREFIX = ".id.prefix";
    /** Whether a user who is inactive at the provider is kept or deleted. */
    public static final String INACTIVE = ".inactive";
    /** Whether the provider's organizations and memberships are kept, too: on or off. */
    public static final String ORGANIZATIONS = ".organizations";
    /** Whether a provider may deliver; set at start. */
    public static final String ON = ".webhook.on";
    /** The provider of the demonstration; operators never turn it on. */
    public static final String SAMPLE = "sample";
    /** SCIM is the one provider that calls us as a server. */
    public static final String SCIM = "scim";
    /** Whether SCIM is on, which a SCIM client can do without a secret; set at start. */
    public static final String SCIM_ON = "scim.on";

    /** The environment variable with the providers whose repeated deliveries are applied once. */
    public static final String REPLAY_PROTECTION = "REPLAY_PROTECTION";

    private final CamelContext context;

    public Providers(CamelContext context) {
        this.context = context;
    }

    /** All providers and whether each is on, sorted by name. */
    public Map<String, Boolean> all() {
        Map<String, Boolean> providers = new TreeMap<>();
        for (String kind : List.of(SECRET, JWKS_URL)) {
            for (String name : context.getPropertiesComponent()
                    .loadProperties(key -> key.endsWith(kind))
                    .stringPropertyNames()) {
                providers.merge(
                        name.substring(0, name.length() - kind.length()),
                        !Setting.of(context, name).isEmpty(),
                        Boolean::logicalOr);
            }
        }
        if (Setting.of(context, SCIM_ON).equals("true")) {
            providers.put(SCIM, true);
        }
        return providers;
    }

    /** The providers that are on. */
    public List<String> on() {
        return all().entrySet().stream()
                .filter(Map.Entry::getValue)
                .map(Map.Entry::getKey)
                .toList();
    }

    /** The providers with users in the table: those that are on, and those that are only polled. Sorted by name. */
    public List<String> withUsers() {
        return all().entrySet().stream()
                .filter(provider -> provider.getValue() || isPolled(provider.getKey()))
                .map(Map.Entry::getKey)
                .toList();
    }

    /** The providers with other users: supabase-hook delivers the users of supabase. */
    public List<String> othersThan(String provider) {
        return withPrefixes().stream()
                .filter(other -> !other.equals(provider) && !areOne(provider, other) && !areOne(other, provider))
                .toList();
    }

    /** The providers whose users have the prefix of a setting: those of SCIM only with its secret. */
    List<String> withPrefixes() {
        return withUsers().stream()
                .filter(provider -> !provider.equals(SAMPLE))
                .filter(provider -> !provider.equals(SCIM)
                        || !Setting.of(context, SCIM + SECRET).isEmpty())
                .toList();
    }

    public boolean isPolled(String provider) {
        return !Setting.of(context, provider + API_KEY).isEmpty();
    }

    /** The path at which a provider delivers. */
    public static String path(String provider) {
        return provider.equals(SCIM) ? "/scim/v2" : "/webhooks/" + provider;
    }

    /** Whether a repeated delivery of the provider is applied only once. */
    public boolean isReplayProtected(String provider) {
        return replayProtected().contains(provider);
    }

    private List<String> replayProtected() {
        return List.of(Setting.of(context, "replay.protection").split("[\\s,]+")).stream()
                .filter(name -> !name.isEmpty())
                .toList();
    }

    /** @throws StartupFailure if settings of providers cannot work; the message names them and shows no secret */
    public void check() {
        checkApis();
        replayProtected().stream()
                .filter(name -> !all().containsKey(name))
                .findFirst()
                .ifPresent(name -> {
                    throw new StartupFailure(REPLAY_PROTECTION + " names " + name
                            + ", which is not a provider; the providers are " + String.join(", ", all().keySet()));
                });
        checkWords(
                INACTIVE,
                List.of("kept", "deleted"),
                "deleted (an inactive user gets deleted_at) or kept (only raw_json says it)");
        checkWords(ORGANIZATIONS, List.of("on", "off"), "on (organizations and memberships have tables) or off");
        new IdPrefixes(context, this).check();
    }

    /** Each setting with this ending must be one of the words, or empty. */
    private void checkWords(String ending, List<String> words, String rule) {
        for (String name : context.getPropertiesComponent()
                .loadProperties(setting -> setting.endsWith(ending))
                .stringPropertyNames()) {
            String word = Setting.of(context, name);
            if (!word.isEmpty() && !words.contains(word)) {
                throw new StartupFailure(Setting.variable(name) + " must be " + rule);
            }
        }
    }

    private void checkApis() {
        for (String name : context.getPropertiesComponent()
                .loadProperties(setting -> setting.endsWith(API_KEY))
                .stringPropertyNames()) {
            String provider = name.substring(0, name.length() - API_KEY.length());
            if (Setting.of(context, name).isEmpty()) {
                continue;
            }
            if (!Setting.of(context, provider + API_URL).matches("https?://[^/?#@\\s]+(/[^?#\\s]*)?")) {
                throw new StartupFailure(
                        Setting.variable(provider + API_URL) + " must be the address of the provider's API, such as"
                                + " https://api.example.com, when " + Setting.variable(provider + API_KEY) + " is set");
            }
            for (String tenant : TENANTS) {
                if (context.getPropertiesComponent()
                                .resolveProperty(provider + tenant)
                                .isPresent()
                        && Setting.of(context, provider + tenant).isEmpty()) {
                    throw new StartupFailure(Setting.variable(provider + tenant) + " must be set when "
                            + Setting.variable(provider + API_KEY) + " is set");
                }
            }
        }
    }

    /** True for two inputs of one provider's users, such as supabase and supabase-hook: their prefix is one setting. */
    boolean areOne(String provider, String other) {
        String setting = other + ID_PREFIX;
        return ("{{" + provider + ID_PREFIX + "}}")
                .equals(context.getPropertiesComponent()
                        .loadProperties(setting::equals)
                        .getProperty(setting, "")
                        .strip());
    }

    /** The environment variable of the secret. */
    public static String secretSetting(String provider) {
        return Setting.variable(provider + SECRET);
    }

    /**
     * The environment variable that turns a provider on, or two joined by "or". For an unknown provider it is that of
     * the secret.
     */
    public String turnedOnBy(String provider) {
        String named = List.of(SECRET, JWKS_URL).stream()
                .filter(kind -> !context.getPropertiesComponent()
                        .loadProperties((provider + kind)::equals)
                        .isEmpty())
                .map(kind -> Setting.variable(provider + kind))
                .collect(Collectors.joining(" or "));
        return named.isEmpty() ? secretSetting(provider) : named;
    }
}
