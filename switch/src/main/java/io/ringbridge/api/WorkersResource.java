package io.ringbridge.api;

import java.util.List;

/** The workers. */
record WorkersResource(WorkerControl workers) implements Resource {
    @Override
    public List<Route> routes() {
        return List.of(Route.get("/v1/workers",
            request -> Answer.of(workers.views(), views -> Tables.workers(views, Units.of(request))))
            .query(Units.PARAMETER));
    }
}
