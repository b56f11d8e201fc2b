package dev.userssync.payload;

import java.util.regex.Pattern;

/**
 * Recognizes secrets by the form of their text, under any key: private keys, hashes of passwords, one-time codes.
 * Stateless.
 */
final class SecretForms {

    private static final Pattern PRIVATE_KEY = Pattern.compile("-----BEGIN [A-Z0-9 ]*PRIVATE KEY");
    /** bcrypt; argon2, scrypt and PBKDF2 in PHC form; crypt(3) with SHA-2, scrypt and yescrypt; PBKDF2 of Django. */
    private static final Pattern HASH = Pattern.compile(
            "\\$2[abxy]?\\$\\d\\d\\$[./A-Za-z0-9]{53}|\\$(argon2(id|i|d)?|scrypt|pbkdf2(-\\w{1,20})?)\\$[^\\s$]"
                    + "|\\$[56]\\$(rounds=\\d{1,9}\\$)?[./A-Za-z0-9]{1,16}\\$[./A-Za-z0-9]{43,86}|\\$(7|g?y)\\$[./A-Za-z0-9$]{40}|pbkdf2_\\w{1,20}\\$\\d{1,9}\\$");

    private SecretForms() {}

    static boolean isSecret(String text) {
        return text.startsWith("otpauth://") // holds the secret of a one-time code
                || text.indexOf('$') >= 0 && HASH.matcher(text).find()
                || text.contains("-----BEGIN") && PRIVATE_KEY.matcher(text).find();
    }
}
