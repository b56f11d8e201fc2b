package dev.userssync.command;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.xpath.XPathFactory;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class VersionTest {

    @Test
    void itIsThePoms() throws Exception {
        String version = XPathFactory.newInstance()
                .newXPath()
                .evaluate(
                        "/project/version",
                        DocumentBuilderFactory.newInstance()
                                .newDocumentBuilder()
                                .parse(Path.of("pom.xml").toFile()));
        StringWriter out = new StringWriter();
        CommandLine line = Commands.line(() -> 1);
        line.setOut(new PrintWriter(out));
        assertEquals(0, line.execute("--version"));
        assertEquals("users-sync " + version, out.toString().strip());
    }
}
