package dev.userssync.command;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.http.HttpRequest;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Explains why the signature of a recorded delivery fails. */
@Command(
        name = "verify-signature",
        description = {
            "Explains why the signature of a delivery fails. Reads the delivery from standard input as HTTP sends it:",
            "header lines, an empty line, the body. Exit code 0: the signature is right."
        })
public final class VerifySignature extends Remote {

    @Parameters(
            paramLabel = "<provider>",
            description = "A provider that is on. The running instance supplies its secrets.")
    String provider;

    @Override
    public Integer call() throws Exception {
        String answer = send(
                "/admin/verify-signature/" + query(provider),
                "POST",
                HttpRequest.BodyPublishers.ofByteArray(Commands.input.readAllBytes()));
        JsonNode explained = JSON.readTree(answer);
        out(json ? answer : explained.path("explanation").asText());
        return explained.path("verified").asBoolean() ? 0 : 1;
    }
}
