package dev.userssync;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.camel.CamelContext;

/**
 * The providers that the settings name: every {@code <provider>.webhook.secret} and every {@code <provider>.jwks.url} is one, and a value in
 * either turns it on. Thread-safe.
 */
final class Providers {

    static final String SECRET = ".webhook.secret";
    /** Where a provider that signs with a private key publishes the public ones. */
    static final String JWKS_URL = ".jwks.url";
    static final String API_KEY = ".api.key";
    static final String API_URL = ".api.url";
    /** Which of a provider's customers: without it the address of the API is not complete. */
    private static final List<String> TENANTS = List.of(".realm", ".project.id");
    static final String ID_PREFIX = ".id.prefix";
    /** What becomes of a user who is switched off at the provider: kept or deleted. */
    static final String INACTIVE = ".inactive";
    /** Set at start: whether a provider may deliver. */
    static final String ON = ".webhook.on";
    /** The demonstration; never turned on by hand. */
    static final String SAMPLE = "sample";
    /** The one that we are the server for. */
    static final String SCIM = "scim";

    /** The environment variable that names the providers whose deliveries are applied once. */
    static final String REPLAY_PROTECTION = "REPLAY_PROTECTION";

    private final CamelContext context;

    Providers(CamelContext context) {
        this.context = context;
    }

    /** All providers and whether each is on, sorted by name. */
    Map<String, Boolean> all() {
        Map<String, Boolean> providers = new TreeMap<>();
        for (String kind : List.of(SECRET, JWKS_URL)) {
            for (String name : context.getPropertiesComponent().loadProperties(key -> key.endsWith(kind)).stringPropertyNames()) {
                providers.merge(name.substring(0, name.length() - kind.length()), !Setting.of(context, name).isEmpty(), Boolean::logicalOr);
            }
        }
        return providers;
    }

    /** The providers that are on. */
    List<String> on() {
        return all().entrySet().stream().filter(Map.Entry::getValue).map(Map.Entry::getKey).toList();
    }

    /** Where a provider reaches us. */
    static String path(String provider) {
        return provider.equals(SCIM) ? "/scim/v2" : "/webhooks/" + provider;
    }

    /** Whether a delivery of the provider is applied once, however often it comes. */
    boolean isReplayProtected(String provider) {
        return replayProtected().contains(provider);
    }

    private List<String> replayProtected() {
        return List.of(Setting.of(context, "replay.protection").split("[\\s,]+")).stream().filter(name -> !name.isEmpty()).toList();
    }

    /** @throws StartupFailure if settings of providers cannot work; the message names them and shows no secret */
    void check() {
        checkApis();
        replayProtected().stream().filter(name -> !all().containsKey(name)).findFirst().ifPresent(name -> {
            throw new StartupFailure(REPLAY_PROTECTION + " names " + name + ", which is no provider; there are " + String.join(", ", all().keySet()));
        });
        checkInactive();
        if (!Setting.of(context, "shared.ids").equalsIgnoreCase("true")) {
            checkIdPrefixes();
        }
    }

    private void checkInactive() {
        for (String name : context.getPropertiesComponent().loadProperties(setting -> setting.endsWith(INACTIVE)).stringPropertyNames()) {
            if (!List.of("", "kept", "deleted").contains(Setting.of(context, name))) {
                throw new StartupFailure(Setting.variable(name) + " must be deleted (an inactive user gets deleted_at) or kept (only raw_json says it)");
            }
        }
    }

    private void checkApis() {
        for (String name : context.getPropertiesComponent().loadProperties(setting -> setting.endsWith(API_KEY)).stringPropertyNames()) {
            String provider = name.substring(0, name.length() - API_KEY.length());
            if (Setting.of(context, name).isEmpty()) {
                continue;
            }
            if (!Setting.of(context, provider + API_URL).matches("https?://[^/?#@\\s]+(/[^?#\\s]*)?")) {
                throw new StartupFailure(Setting.variable(provider + API_URL) + " must be the address of the provider's API, such as"
                        + " https://api.example.com, when " + Setting.variable(provider + API_KEY) + " is set");
            }
            for (String tenant : TENANTS) {
                if (context.getPropertiesComponent().resolveProperty(provider + tenant).isPresent() && Setting.of(context, provider + tenant).isEmpty()) {
                    throw new StartupFailure(Setting.variable(provider + tenant) + " must be set when " + Setting.variable(provider + API_KEY) + " is set");
                }
            }
        }
    }

    /** One's user would overwrite the other's where the id prefix of one is the beginning of another's; none is the beginning of all. */
    private void checkIdPrefixes() {
        List<String> on = all().entrySet().stream().filter(provider -> provider.getValue() || !Setting.of(context, provider.getKey() + API_KEY).isEmpty())
                .map(Map.Entry::getKey).toList();
        for (String one : on) {
            for (String other : on) {
                if (one.compareTo(other) < 0 && !areOne(one, other) && clash(Setting.of(context, one + ID_PREFIX), Setting.of(context, other + ID_PREFIX))) {
                    throw new StartupFailure(one + " and " + other + " could claim the same ids: set " + Setting.variable(one + ID_PREFIX) + " or "
                            + Setting.variable(other + ID_PREFIX) + ", such as " + other + ":, so that neither is the beginning of the other; or set"
                            + " SHARED_IDS=true if their ids never meet");
                }
            }
        }
    }

    /** Two ways in for the users of one provider: supabase and supabase-hook. */
    private static boolean areOne(String provider, String other) {
        return other.startsWith(provider + "-");
    }

    private static boolean clash(String prefix, String other) {
        return prefix.startsWith(other) || other.startsWith(prefix);
    }

    /** The environment variable of the secret. */
    static String secretSetting(String provider) {
        return Setting.variable(provider + SECRET);
    }

    /** The environment variable that turns a provider on, or two to choose from; its secret, if no setting names the provider. */
    String turnedOnBy(String provider) {
        String named = List.of(SECRET, JWKS_URL).stream()
                .filter(kind -> !context.getPropertiesComponent().loadProperties((provider + kind)::equals).isEmpty())
                .map(kind -> Setting.variable(provider + kind)).collect(Collectors.joining(" or "));
        return named.isEmpty() ? secretSetting(provider) : named;
    }
}
