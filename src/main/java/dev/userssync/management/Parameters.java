package dev.userssync.management;

import io.vertx.ext.web.RoutingContext;

/** The parameters of an operator's request, in a form or in the query. */
public final class Parameters {

    private Parameters() {}

    /** Null if it is missing or blank. */
    public static String optional(RoutingContext request, String name) {
        String value = request.request().getFormAttribute(name);
        if (value == null) {
            value = request.request().getParam(name);
        }
        return value == null || value.isBlank() ? null : value;
    }

    /** @throws IllegalArgumentException if it is missing or blank */
    public static String required(RoutingContext request, String name) {
        String value = optional(request, name);
        if (value == null) {
            throw new IllegalArgumentException(name + " is missing");
        }
        return value;
    }
}
