package io.ringbridge.api;

import java.util.List;

/** The latency of sampled frames. */
record LatencyResource(LatencyControl latency) implements Resource {
    private static final String PORT = "port";

    @Override
    public List<Route> routes() {
        return List.of(Route.get("/v1/latency",
            request -> Answer.of(latency.view(request.query().text(PORT, "the name of a port").orElse(null)),
                LatencyTables::latency)).query(PORT));
    }
}
