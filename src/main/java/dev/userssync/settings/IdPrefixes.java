package dev.userssync.settings;

import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.apache.camel.CamelContext;

/**
 * Keeps the ids of several providers and SCIM clients in one table apart. If one prefix starts with another, ids can
 * collide. An empty prefix starts every id. Thread-safe.
 */
public final class IdPrefixes {

    private static final String READ_FIRST = " Users already in the table keep their ids: read docs/providers.md first";

    private final CamelContext context;
    private final Providers providers;

    public IdPrefixes(CamelContext context, Providers providers) {
        this.context = context;
        this.providers = providers;
    }

    /** @throws StartupFailure if two providers could have the same ids, and SHARED_IDS does not deny it */
    void check() {
        if (areShared()) {
            return;
        }
        Set<String> clashing = new TreeSet<>();
        Set<String> wrong = new TreeSet<>();
        for (String one : providers.withPrefixes()) {
            for (String other : providers.othersThan(one)) {
                if (clash(prefix(one), prefix(other))) {
                    clashing.addAll(List.of(one, other));
                }
            }
        }
        if (clashing.isEmpty()) {
            return;
        }
        // Every provider without a prefix needs one: its ids can start like any other. If all have one, those that
        // start alike need another.
        clashing.stream()
                .filter(provider -> prefix(provider).isEmpty())
                .map(this::prefixOwner)
                .forEach(wrong::add);
        if (wrong.isEmpty()) {
            clashing.stream().map(this::prefixOwner).forEach(wrong::add);
        }
        throw new StartupFailure(joined(clashing) + " could claim the same ids: set "
                + joined(wrong.stream().map(IdPrefixes::example).toList())
                + ", or choose prefixes of which none starts with another; or set SHARED_IDS=true if their ids never collide."
                + READ_FIRST);
    }

    /**
     * Why the ids of a SCIM client could be a provider's, and what to do; null if they could not. SCIM itself may have
     * no prefix, because users-sync makes its ids.
     */
    public String fault(String clientPrefix) {
        for (String provider : providers.withPrefixes()) {
            String prefix = prefix(provider);
            boolean neverCollide = prefix.isEmpty() && (provider.equals(Providers.SCIM) || areShared());
            if (!neverCollide && clash(prefix, clientPrefix)) {
                return prefix.isEmpty()
                        ? "the ids of " + provider + " have no prefix and could start with " + clientPrefix
                                + " too: set " + example(prefixOwner(provider))
                                + ", or SHARED_IDS=true if they never do." + READ_FIRST
                        : "its prefix " + clientPrefix + " and the prefix " + prefix + " of " + provider
                                + " could start the same ids: neither may start with the other";
            }
        }
        return null;
    }

    private boolean areShared() {
        return Setting.of(context, "shared.ids").equalsIgnoreCase("true");
    }

    private static String example(String provider) {
        return Setting.variable(provider + Providers.ID_PREFIX) + "=" + provider + ":";
    }

    private static String joined(Collection<String> names) {
        List<String> all = List.copyOf(names);
        int last = all.size() - 1;
        return last == 0 ? all.get(0) : String.join(", ", all.subList(0, last)) + " and " + all.get(last);
    }

    private String prefix(String provider) {
        return Setting.of(context, provider + Providers.ID_PREFIX);
    }

    /** The provider that owns the prefix setting: supabase for supabase-hook. */
    private String prefixOwner(String provider) {
        return providers.all().keySet().stream()
                .filter(other -> providers.areOne(other, provider))
                .findFirst()
                .orElse(provider);
    }

    private static boolean clash(String prefix, String other) {
        return prefix.startsWith(other) || other.startsWith(prefix);
    }
}
