package io.ringbridge.api;

import org.eclipse.jetty.http.HttpStatus;
import org.jspecify.annotations.Nullable;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/** The metrics and the health of the switch, at the paths that monitoring systems expect. */
record MonitoringResource(MonitoringControl monitoring) implements Resource {
    static final String HEALTH = "/health";
    static final String READY = "/ready";

    @Override
    public List<Route> routes() {
        return List.of(Route.get("/metrics", _ -> metrics()),
            Route.get(HEALTH, _ -> status("healthy", monitoring.failure())),
            Route.get(READY, _ -> status("ready", monitoring.unreadiness())));
    }

    private Answer metrics() {
        final MonitoringControl.Metrics metrics = monitoring.metrics();
        return Answer.of(new Answer.Document(metrics.mediaType(),
            StandardCharsets.UTF_8.encode(metrics.text())));
    }

    private static Answer status(final String good, final @Nullable String problem) {
        if (problem != null) {
            throw new ApiException(HttpStatus.SERVICE_UNAVAILABLE_503, problem);
        }
        return Answer.of(Map.of("status", good), _ -> good + '\n');
    }
}
