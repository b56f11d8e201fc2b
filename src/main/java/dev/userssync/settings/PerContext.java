package dev.userssync.settings;

import java.util.function.Function;
import org.apache.camel.CamelContext;
import org.apache.camel.Service;

/** Keeps one service of a class for each Camel context; the context stops it. Thread-safe. */
public final class PerContext {

    private PerContext() {}

    /** The service of the context; the first caller makes it. */
    public static <T extends Service> T of(CamelContext context, Class<T> type, Function<CamelContext, T> make) {
        synchronized (type) {
            T service = context.hasService(type);
            if (service == null) {
                service = make.apply(context);
                try {
                    context.addService(service);
                } catch (Exception e) {
                    throw new IllegalStateException(e);
                }
            }
            return service;
        }
    }
}
