package io.ringbridge.api;

import java.util.List;

/** The interruptions of the ports. */
record InterruptionsResource(InterruptionControl interruptions) implements Resource {
    private static final String PORT = "port";

    @Override
    public List<Route> routes() {
        return List.of(Route.get("/v1/interruptions",
            request -> Answer.of(interruptions.views(request.query().text(PORT, "the name of a port").orElse(null)),
                LatencyTables::interruptions))
            .query(PORT));
    }
}
