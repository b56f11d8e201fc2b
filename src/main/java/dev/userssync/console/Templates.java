// Only `camel run` reads these lines.
//DEPS io.pebbletemplates:pebble:4.1.1
//DEPS org.webjars.npm:htmx.org:2.0.10
//DEPS org.webjars.npm:picocss__pico:2.1.1
package dev.userssync.console;

import io.pebbletemplates.pebble.PebbleEngine;
import io.pebbletemplates.pebble.extension.AbstractExtension;
import io.pebbletemplates.pebble.extension.Filter;
import io.pebbletemplates.pebble.loader.FileLoader;
import io.pebbletemplates.pebble.template.EvaluationContext;
import io.pebbletemplates.pebble.template.PebbleTemplate;
import java.io.IOException;
import java.io.InputStream;
import java.io.StringWriter;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.apache.camel.CamelContext;

/**
 * Renders the console's pages from Pebble templates in {@code config/console}. They are files like the routes, because
 * the Camel CLI does not have our class path. Pebble escapes everything for HTML. In the profile dev, a changed
 * template shows at once. Thread-safe.
 */
final class Templates {

    private static final Path FILES = Path.of("config/console").toAbsolutePath();
    private static final String WEBJARS = "META-INF/resources/webjars/";
    private static final DateTimeFormatter TIME =
            DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss").withZone(ZoneOffset.UTC);

    private final CamelContext context;
    private final PebbleEngine engine;

    Templates(CamelContext context) {
        this.context = context;
        engine = new PebbleEngine.Builder()
                .loader(new FileLoader(FILES.toString()))
                .autoEscaping(true)
                .strictVariables(false)
                .cacheActive(!"dev".equals(context.getCamelContextExtension().getProfile()))
                .extension(new Filters())
                .build();
    }

    /** @param page the name of a file without .html */
    String render(String page, Map<String, Object> model) throws IOException {
        PebbleTemplate template = engine.getTemplate(page + ".html");
        StringWriter html = new StringWriter();
        template.evaluate(html, model);
        return html.toString();
    }

    /** A stylesheet or script by the name in its URL; null if there is none. */
    byte[] asset(String name) throws IOException {
        return switch (name) {
            case "pico.css" -> webjar("picocss__pico/2.1.1/css/pico.classless.min.css");
            case "htmx.js" -> webjar("htmx.org/2.0.10/dist/htmx.min.js");
            case "console.css" -> Files.readAllBytes(FILES.resolve("console.css"));
            default -> null;
        };
    }

    private byte[] webjar(String path) throws IOException {
        try (InputStream file = context.getClassResolver().loadResourceAsStream(WEBJARS + path)) {
            return file == null ? null : file.readAllBytes();
        }
    }

    /** {@code when}: a time for people. {@code ago}: its age. {@code seconds}: a duration. {@code url}: escaped for a query. */
    private static final class Filters extends AbstractExtension {

        @Override
        public Map<String, Filter> getFilters() {
            return Map.of(
                    "when", filter(time -> TIME.format(Instant.parse(time))),
                    "ago", filter(time -> ago(Duration.between(Instant.parse(time), Instant.now()))),
                    "seconds", filter(seconds -> ago(Duration.ofSeconds(Long.parseLong(seconds)))),
                    "url", filter(text -> URLEncoder.encode(text, StandardCharsets.UTF_8)));
        }

        private static String ago(Duration age) {
            return age.toMinutes() < 2
                    ? Math.max(0, age.toSeconds()) + " s"
                    : age.toHours() < 2
                            ? age.toMinutes() + " min"
                            : age.toDays() < 2 ? age.toHours() + " h" : age.toDays() + " days";
        }

        private static Filter filter(Function<String, String> work) {
            return new Filter() {
                @Override
                public Object apply(
                        Object input,
                        Map<String, Object> arguments,
                        PebbleTemplate self,
                        EvaluationContext context,
                        int line) {
                    return input == null ? null : work.apply(input.toString());
                }

                @Override
                public List<String> getArgumentNames() {
                    return null;
                }
            };
        }
    }
}
