package dev.userssync.payload;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Recognizes secrets by the words of their key. The last word that describes the value decides: {@code access_token}
 * and {@code tokenHash} are secrets, {@code token_type} and {@code password_updated_at} are not. Words end at a change
 * of case, at a digit and at any sign. Own code, because no library judges names of keys; scanners for secrets judge
 * values. Stateless.
 */
final class SecretNames {

    /** Words that always name a secret. */
    private static final Set<String> SECRETS =
            setOf("password passwords passwd pwd pw passcode passphrase secret secrets token tokens jwt"
                    + " bearer otp otps totp hotp pin cvv cvc salt cookie cookies authorization mnemonic");
    /**
     * Words that name a secret without a word before them: a WebAuthn credential and a boarding pass are not secret.
     */
    private static final Set<String> SECRETS_ALONE = Set.of("credential", "credentials", "pass");
    /** Words for the form or age of a value. The word before them decides. */
    private static final Set<String> FORMS =
            setOf("hash hashes hashed digest encrypted encoded encrypt plain plaintext cleartext raw hex base"
                    + " value values data text string new old current previous next temp temporary confirm"
                    + " confirmation repeat again original b v sha md enc crypt bcrypt ciphertext history");
    /** Words for a count: a count of tokens is not a token. */
    private static final Set<String> COUNTS = setOf("num number max min total count available remaining used");

    /** A key is a secret after one of these words. */
    private static final Set<String> OF_KEYS =
            setOf("api private secret signing signature encryption decryption recovery access master hmac"
                    + " symmetric shared session auth webhook backup admin server license activation otp totp mfa"
                    + " cipher");

    private static final Set<String> OF_CODES =
            setOf("recovery backup otp totp mfa fa factor verification verify confirmation confirm reset"
                    + " password auth authorization authentication login signin onetime security activation sms"
                    + " access pin challenge device magic passwordless scratch secret temp temporary");
    private static final Set<String> OF_LINKS =
            setOf("magic action recovery reset verification verify confirmation confirm invite invitation"
                    + " login signin activation password");
    private static final Set<String> OF_URLS =
            setOf("magic recovery reset verification confirmation invite invitation activation password");
    private static final Set<String> OF_ANSWERS = Set.of("security", "secret", "recovery", "challenge");
    private static final Set<String> OF_PASSES = setOf("user db database smtp mail ftp login root admin auth");
    private static final Set<String> OF_CREDENTIALS =
            setOf("user login basic aws oauth client api admin database service secret");
    private static final Set<String> OF_PHRASES = setOf("pass seed recovery secret mnemonic backup");
    private static final Set<String> OF_SEEDS = setOf("otp totp mfa secret wallet");
    private static final Set<String> OF_VERIFIERS = Set.of("code", "password", "pkce");
    private static final Set<String> OF_ASSERTIONS = Set.of("saml", "client");

    /** Ends of words without a boundary, the longer ones first. */
    private static final List<String> ENDS =
            listOf("password passwords passphrase passwd secrets secret tokens token hash digest salt keys key"
                    + " codes code link answer pwd data");
    /** Ends that always name a secret: accesstoken. */
    private static final Set<String> ENDS_OF_SECRETS =
            setOf("password passwords passphrase passwd secrets secret tokens token");

    private static final Pattern BOUNDARY =
            Pattern.compile("[^\\p{L}]+|(?<=\\p{Ll})(?=\\p{Lu})|(?<=\\p{Lu})(?=\\p{Lu}\\p{Ll})");

    private static final int LONGEST = 200;

    private SecretNames() {}

    private static List<String> listOf(String words) {
        return List.of(words.split(" "));
    }

    private static Set<String> setOf(String words) {
        return Set.of(words.split(" "));
    }

    static boolean isSecret(String name) {
        // In an endless name, the end decides.
        List<String> words = words(name.substring(Math.max(0, name.length() - LONGEST)));
        if (words.equals(List.of("encoded", "hash"))) {
            return true; // the hash of a password, in Zitadel
        }
        int last = words.size() - 1;
        while (last >= 0 && FORMS.contains(words.get(last))) {
            last--;
        }
        if (last < 0
                || words.get(last).startsWith("token")
                        && (COUNTS.contains(words.get(0)) || last > 0 && COUNTS.contains(words.get(last - 1)))) {
            return false;
        }
        String noun = words.get(last);
        String before = "";
        for (int i = last - 1; i >= 0 && before.isEmpty(); i--) {
            before = FORMS.contains(words.get(i)) && !OF_CODES.contains(words.get(i)) ? "" : words.get(i);
        }
        boolean isPublic = words.contains("public") || words.contains("publishable");
        return SECRETS.contains(noun)
                || SECRETS_ALONE.contains(noun) && before.isEmpty()
                || switch (noun) {
                    case "key", "keys" ->
                        !isPublic
                                && (OF_KEYS.contains(before)
                                        || words.contains("private")
                                        || words.contains("secret")
                                        || before.equals("role") && words.contains("service"));
                    case "code", "codes" -> OF_CODES.contains(before) || before.equals("time") && words.contains("one");
                    case "link", "links" -> OF_LINKS.contains(before);
                    case "url", "urls" -> OF_URLS.contains(before);
                    case "answer", "answers", "question", "questions" -> OF_ANSWERS.contains(before);
                    case "pass" -> OF_PASSES.contains(before);
                    case "credential", "credentials" -> OF_CREDENTIALS.contains(before);
                    case "phrase", "phrases" -> OF_PHRASES.contains(before);
                    case "seed" -> OF_SEEDS.contains(before);
                    case "verifier" -> OF_VERIFIERS.contains(before);
                    case "assertion" -> OF_ASSERTIONS.contains(before);
                    default -> false;
                };
    }

    private static List<String> words(String name) {
        List<String> words = new ArrayList<>();
        for (String part : BOUNDARY.split(name)) {
            split(part.toLowerCase(Locale.ROOT), words);
        }
        for (int i = words.size() - 1; i > 0; i--) {
            if (words.get(i - 1).equals("pass")
                    && Set.of("word", "words", "phrase", "code").contains(words.get(i))) {
                words.set(i - 1, "pass" + words.remove(i));
            }
        }
        return words;
    }

    /** Splits words without a boundary, too: apikey, accesstoken, passwordhash. */
    private static void split(String word, List<String> words) {
        for (String end : SECRETS.contains(word) ? List.<String>of() : ENDS) {
            if (word.length() > end.length() && word.endsWith(end)) {
                List<String> start = new ArrayList<>();
                split(word.substring(0, word.length() - end.length()), start);
                String before = start.get(start.size() - 1);
                if (ENDS_OF_SECRETS.contains(end)
                        || SECRETS.contains(before)
                        || OF_KEYS.contains(before)
                        || OF_CODES.contains(before)
                        || OF_LINKS.contains(before)) {
                    words.addAll(start);
                    words.add(end);
                    return;
                }
            }
        }
        if (!word.isEmpty()) {
            words.add(word);
        }
    }
}
