package dev.userssync.payload;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;

/** Names of keys that ignore case, "_" and "-", in which "*" is any text. Immutable once made. */
record KeyNames(Set<String> exact, List<Pattern> wild) {

    static KeyNames of(String list) {
        KeyNames names = new KeyNames(new HashSet<>(), new ArrayList<>());
        for (String entry : entries(list)) {
            String name = plain(entry);
            if (name.contains("*")) {
                names.wild.add(Pattern.compile("\\Q" + name.replace("*", "\\E.*\\Q") + "\\E", Pattern.DOTALL));
            } else if (!name.isEmpty()) {
                names.exact.add(name);
            }
        }
        return names;
    }

    boolean hold(String name) {
        String plain = plain(name);
        return exact.contains(plain)
                || wild.stream().anyMatch(pattern -> pattern.matcher(plain).matches());
    }

    private static String plain(String name) {
        return name.toLowerCase(Locale.ROOT).replace("_", "").replace("-", "");
    }

    /** The entries of a list, separated by space or comma. */
    static String[] entries(String list) {
        return list.strip().split("[\\s,]+");
    }
}
