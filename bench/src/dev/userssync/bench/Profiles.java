package dev.userssync.bench;

import java.util.Random;

/** Profiles of 1.6 KB in Clerk's shape, all different. Stateless. */
final class Profiles {

    private Profiles() {
    }

    static String id(int user) {
        return "user_" + Long.toString(0x2aaaaaaaaaaaL + user * 7919L, 36) + "x" + user;
    }

    static String name(int user, long version) {
        return "Given" + user + " Family" + version % 997;
    }

    static String email(int user) {
        return "user" + user + "@mail.example.com";
    }

    /** @param version the time of the update in epoch milliseconds */
    static String json(int user, long created, long version) {
        Random random = new Random(user * 31L + version);
        String id = id(user);
        String emailId = "idn_" + Long.toString(random.nextLong(), 36);
        StringBuilder json = new StringBuilder(1700);
        json.append("{\"id\":\"").append(id).append("\",\"object\":\"user\",\"username\":null,\"first_name\":\"Given").append(user)
                .append("\",\"last_name\":\"Family").append(version % 997)
                .append("\",\"image_url\":\"https://img.example.com/").append(hex(random, 40))
                .append("\",\"has_image\":true,\"primary_email_address_id\":\"").append(emailId)
                .append("\",\"primary_phone_number_id\":null,\"primary_web3_wallet_id\":null,\"password_enabled\":true,\"two_factor_enabled\":false,")
                .append("\"totp_enabled\":false,\"backup_code_enabled\":false,\"email_addresses\":[{\"id\":\"").append(emailId)
                .append("\",\"object\":\"email_address\",\"email_address\":\"").append(email(user))
                .append("\",\"reserved\":false,\"verification\":{\"status\":\"verified\",\"strategy\":\"email_code\",\"attempts\":1,\"expire_at\":")
                .append(created + 600_000).append("},\"linked_to\":[],\"matches_sso_connection\":false,\"created_at\":").append(created)
                .append(",\"updated_at\":").append(version).append("}],\"phone_numbers\":[],\"web3_wallets\":[],\"passkeys\":[],")
                .append("\"external_accounts\":[{\"object\":\"external_account\",\"id\":\"eac_").append(hex(random, 24))
                .append("\",\"provider\":\"oauth_google\",\"identification_id\":\"idn_").append(hex(random, 24))
                .append("\",\"provider_user_id\":\"").append(Math.abs(random.nextLong()))
                .append("\",\"approved_scopes\":\"email https://www.googleapis.com/auth/userinfo.email profile openid\",\"email_address\":\"")
                .append(email(user)).append("\",\"first_name\":\"Given").append(user).append("\",\"avatar_url\":\"https://lh3.example.com/a/")
                .append(hex(random, 60)).append("\",\"verified_at\":").append(created).append("}],\"saml_accounts\":[],")
                .append("\"public_metadata\":{\"plan\":\"").append(user % 3 == 0 ? "pro" : "free").append("\",\"seats\":").append(user % 50)
                .append("},\"private_metadata\":{},\"unsafe_metadata\":{\"theme\":\"dark\",\"locale\":\"en-GB\",\"onboarding\":\"")
                .append(hex(random, 32)).append("\"},\"external_id\":null,\"last_sign_in_at\":").append(version - 1000)
                .append(",\"banned\":false,\"locked\":false,\"lockout_expires_in_seconds\":null,\"verification_attempts_remaining\":100,")
                .append("\"created_at\":").append(created).append(",\"updated_at\":").append(version)
                .append(",\"delete_self_enabled\":true,\"create_organization_enabled\":true,\"last_active_at\":").append(version).append('}');
        return json.toString();
    }

    private static String hex(Random random, int length) {
        StringBuilder hex = new StringBuilder(length);
        while (hex.length() < length) {
            hex.append(Long.toHexString(random.nextLong()));
        }
        hex.setLength(length);
        return hex.toString();
    }
}
