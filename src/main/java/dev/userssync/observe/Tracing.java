// Only `camel run` reads these lines.
//DEPS org.apache.camel:camel-opentelemetry2:4.17.0
//DEPS io.opentelemetry:opentelemetry-sdk-extension-autoconfigure:1.57.0
//DEPS io.opentelemetry:opentelemetry-exporter-otlp:1.57.0
//DEPS io.opentelemetry:opentelemetry-exporter-sender-jdk:1.57.0
package dev.userssync.observe;

import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.autoconfigure.AutoConfiguredOpenTelemetrySdk;
import java.util.Map;
import org.apache.camel.CamelContext;
import org.apache.camel.opentelemetry2.OpenTelemetryTracer;
import org.apache.camel.support.service.ServiceSupport;

/**
 * Makes the OpenTelemetry SDK for camel-opentelemetry2, only if tracing is on ({@code TRACING=true}). OpenTelemetry's
 * own environment variables set the target, {@code OTEL_EXPORTER_OTLP_ENDPOINT} above all. Spans name routes and
 * endpoints and hold the text of a statement without its values: nothing of a user.
 */
public final class Tracing extends ServiceSupport {

    private final OpenTelemetrySdk sdk;

    private Tracing(OpenTelemetrySdk sdk) {
        this.sdk = sdk;
    }

    /**
     * Call it before the routes are loaded. camel-main's camel.opentelemetry2.enabled does not serve: it looks for the
     * SDK before our beans exist. When Camel stops, the last spans are sent.
     */
    public static void start(CamelContext context) {
        OpenTelemetrySdk sdk = AutoConfiguredOpenTelemetrySdk.builder()
                .addPropertiesSupplier(() -> Map.of(
                        "otel.service.name", "users-sync",
                        "otel.exporter.otlp.protocol", "http/protobuf", // the JDK's sender does not speak gRPC
                        "otel.metrics.exporter", "none",
                        "otel.logs.exporter", "none"))
                .disableShutdownHook()
                .build()
                .getOpenTelemetrySdk();
        context.getRegistry().bind("tracer", sdk.getTracer("users-sync"));
        context.getRegistry().bind("propagators", sdk.getPropagators());
        try {
            context.addService(new Tracing(sdk));
            OpenTelemetryTracer tracer = new OpenTelemetryTracer();
            tracer.setExcludePatterns("timer:*");
            tracer.init(context);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    protected void doStop() {
        sdk.close();
    }
}
