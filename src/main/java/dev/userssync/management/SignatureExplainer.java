package dev.userssync.management;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.core.util.Separators;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.userssync.settings.Providers;
import dev.userssync.verify.Refused;
import dev.userssync.verify.VerificationScheme;
import dev.userssync.verify.VerifyComponent;
import dev.userssync.verify.VerifyEndpoint;
import io.vertx.core.MultiMap;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Clock;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.camel.CamelContext;

/**
 * Explains why the signature of a recorded delivery fails, with the provider's own verification scheme and secrets: a
 * missing header, the age, a body that was serialised again on its way, or another secret. Shows neither secret nor
 * signature nor body. Thread-safe.
 */
public final class SignatureExplainer {

    private static final Pattern AGE = Pattern.compile("the timestamp is (\\d+) s (old|ahead)");
    private static final JsonMapper JSON = new JsonMapper();

    private final CamelContext context;

    public SignatureExplainer(CamelContext context) {
        this.context = context;
    }

    /**
     * @param delivery as HTTP sends it: header lines, an empty line, the body; a request line may come first
     * @return {@code {verified, reason, explanation}}
     * @throws IllegalArgumentException if the provider is off, or the text is not a delivery
     */
    public Map<String, Object> explain(String provider, byte[] delivery) throws GeneralSecurityException {
        VerifyEndpoint endpoint =
                context.getComponent("verify", VerifyComponent.class).endpoint(provider);
        MultiMap headers = MultiMap.caseInsensitiveMultiMap();
        byte[] body = read(delivery, headers);
        Throwable failure = failure(endpoint.scheme(Clock.systemUTC()), headers, body);
        if (failure == null) {
            return answer(true, null, "The signature is right.");
        }
        Refused.Reason reason = Refused.reason(failure);
        if (reason == Refused.Reason.HEADER) {
            return answer(
                    false,
                    reason,
                    failure.getMessage() + ". The delivery has these headers: " + String.join(", ", headers.names())
                            + ". Check whether a proxy removes headers, or whether the delivery is from another provider.");
        }
        VerificationScheme then = endpoint.scheme(Clock.systemUTC());
        String age = "";
        Matcher old = AGE.matcher(String.valueOf(failure.getMessage()));
        if (old.find()) {
            Duration skew = Duration.ofSeconds(Long.parseLong(old.group(1)));
            then = endpoint.scheme(Clock.offset(Clock.systemUTC(), old.group(2).equals("old") ? skew.negated() : skew));
            age = " " + failure.getMessage()
                    + ", so users-sync would refuse it now in any case. A recording is always old. If the delivery is fresh, a clock is wrong.";
            failure = failure(then, headers, body);
            if (failure == null) {
                return answer(false, reason, "The signature is right, but" + age);
            }
        }
        for (Map.Entry<String, byte[]> form : forms(body).entrySet()) {
            if (failure(then, headers, form.getValue()) == null) {
                return answer(
                        false,
                        Refused.Reason.SIGNATURE,
                        "The body was changed on its way: the signature is right for the body " + form.getKey()
                                + ". Forward the bytes unchanged: no proxy or framework may parse and rewrite the JSON."
                                + age);
            }
        }
        return answer(
                false,
                Refused.reason(failure),
                failure.getMessage() + ". " + Providers.secretSetting(provider)
                        + " is not the secret of this endpoint at the provider, or the body was changed. During a rotation set both, the old and the new secret."
                        + age);
    }

    private static Map<String, Object> answer(boolean verified, Refused.Reason reason, String explanation) {
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("verified", verified);
        answer.put("reason", reason == null ? null : reason.label());
        answer.put("explanation", explanation);
        return answer;
    }

    private static Throwable failure(VerificationScheme scheme, MultiMap headers, byte[] body)
            throws GeneralSecurityException {
        try {
            scheme.verify(headers, body);
            return null;
        } catch (SecurityException e) {
            return e;
        }
    }

    /** Reads the text as Latin 1, which keeps every byte. */
    private static byte[] read(byte[] delivery, MultiMap headers) {
        String text = new String(delivery, StandardCharsets.ISO_8859_1);
        Matcher end = Pattern.compile("\r?\n\r?\n").matcher(text);
        if (!end.find()) {
            throw new IllegalArgumentException(
                    "give the delivery as HTTP sends it: header lines, an empty line, and the body");
        }
        for (String line : text.substring(0, end.start()).split("\r?\n")) {
            int colon = line.indexOf(':');
            if (colon > 0 && !line.matches("[A-Z]+ \\S+ HTTP/.*")) {
                headers.add(
                        line.substring(0, colon).strip(),
                        line.substring(colon + 1).strip());
            }
        }
        return text.substring(end.end()).getBytes(StandardCharsets.ISO_8859_1);
    }

    /** The forms that frameworks, proxies and editors give a body. */
    private static Map<String, byte[]> forms(byte[] body) {
        Map<String, byte[]> forms = new LinkedHashMap<>();
        String text = new String(body, StandardCharsets.UTF_8);
        put(forms, "without the line break at its end", text.replaceFirst("\r?\n$", ""));
        put(forms, "with a line break at its end", text + "\n");
        put(forms, "with line breaks of Unix", text.replace("\r\n", "\n"));
        put(forms, "with line breaks of Windows", text.replaceAll("\r?\n", "\r\n"));
        try {
            JsonNode json = JSON.readTree(body);
            put(forms, "as JSON without spaces", JSON.writeValueAsString(json));
            put(
                    forms,
                    "as JSON without spaces and in ASCII",
                    JsonMapper.builder()
                            .enable(JsonWriteFeature.ESCAPE_NON_ASCII)
                            .build()
                            .writeValueAsString(json));
            put(forms, "as JSON with a space after commas and colons", spaced(json));
            for (int spaces : new int[] {2, 4}) {
                put(forms, "as JSON with " + spaces + " spaces before each line", indented(json, spaces));
            }
        } catch (JsonProcessingException e) {
            // not JSON, so nothing serialised it again
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
        return forms;
    }

    private static void put(Map<String, byte[]> forms, String name, String text) {
        forms.put(name, text.getBytes(StandardCharsets.UTF_8));
    }

    private static String spaced(JsonNode json) throws JsonProcessingException {
        DefaultPrettyPrinter printer = new DefaultPrettyPrinter(Separators.createDefaultInstance()
                .withObjectFieldValueSpacing(Separators.Spacing.AFTER)
                .withObjectEntrySpacing(Separators.Spacing.AFTER)
                .withArrayValueSpacing(Separators.Spacing.AFTER)
                .withObjectEmptySeparator("")
                .withArrayEmptySeparator(""));
        printer.indentObjectsWith(DefaultPrettyPrinter.NopIndenter.instance);
        printer.indentArraysWith(DefaultPrettyPrinter.NopIndenter.instance);
        return JSON.writer(printer).writeValueAsString(json);
    }

    private static String indented(JsonNode json, int spaces) throws JsonProcessingException {
        DefaultIndenter indenter = new DefaultIndenter(" ".repeat(spaces), "\n");
        DefaultPrettyPrinter printer = new DefaultPrettyPrinter(Separators.createDefaultInstance()
                .withObjectFieldValueSpacing(Separators.Spacing.AFTER)
                .withObjectEmptySeparator("")
                .withArrayEmptySeparator(""));
        printer.indentObjectsWith(indenter);
        printer.indentArraysWith(indenter);
        return JSON.writer(printer).writeValueAsString(json);
    }
}
