package io.ringbridge.api;

import java.util.List;

/** The latency of sampled frames. */
record LatencyResource(LatencyControl latency) implements Resource {
    private static final String PORT = "port";

    @Override
    public List<Route> routes() {
        return List.of(Route.get("/v1/latency",
            request -> Answer.of(latency.view(request.parameter(PORT)), LatencyTables::latency)).query(PORT));
    }
}
