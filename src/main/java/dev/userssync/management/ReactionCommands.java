package dev.userssync.management;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.time.DateTimeException;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.BiConsumer;

/**
 * The operator's commands for reactions: {@code GET /admin/reactions} and {@code POST
 * /admin/reactions/{retry|replay|discard|resume|remove}?name=}. A replay without another parameter takes the dead
 * changes; {@code seq=} takes one change, and {@code from=} every change since a number or a time. Thread-safe.
 */
public final class ReactionCommands {

    /** What an operator can do to a reaction: a route {@code <verb>-reaction} each. */
    public static final List<String> VERBS = List.of("retry", "replay", "discard", "resume", "remove");

    private static final JsonMapper JSON = new JsonMapper();

    private final OperatorRoutes routes;

    public ReactionCommands(OperatorRoutes routes) {
        this.routes = routes;
    }

    /** @param answer checks the caller, and answers with the text of the work */
    void serveOn(Router router, BiConsumer<RoutingContext, Callable<String>> answer) {
        router.get("/admin/reactions")
                .handler(request ->
                        answer.accept(request, () -> JSON.writeValueAsString(routes.rows("list-reactions"))));
        for (String verb : VERBS) {
            router.post("/admin/reactions/" + verb)
                    .handler(request -> answer.accept(request, () -> JSON.writeValueAsString(run(verb, request))));
        }
    }

    /**
     * In: the parameters {@code name}, and {@code seq} or {@code from} of a replay.
     *
     * @return the name, and how many changes it was about
     * @throws IllegalArgumentException if there is no such reaction, or if a parameter is wrong
     */
    public Object run(String verb, RoutingContext request) throws Exception {
        String seq = Parameters.optional(request, "seq");
        String from = Parameters.optional(request, "from");
        if (seq != null && from != null) {
            throw new IllegalArgumentException("seq and from exclude each other");
        }
        if (seq != null && !isNumber(seq)) {
            throw new IllegalArgumentException("seq must be the number of a change");
        }
        if (from != null && !isNumber(from)) {
            try {
                OffsetDateTime.parse(from);
            } catch (DateTimeException e) {
                throw new IllegalArgumentException(
                        "from must be the number of a change or a time with its offset, such as 2026-11-28T08:00:00Z");
            }
        }
        boolean number = from != null && isNumber(from);
        return routes.ask(
                verb + "-reaction",
                "name",
                Parameters.required(request, "name"),
                "seq",
                seq,
                "fromSeq",
                number ? from : null,
                "fromTime",
                number ? null : from);
    }

    private static boolean isNumber(String text) {
        return text.matches("\\d{1,18}");
    }
}
