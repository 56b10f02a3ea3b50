package io.ringbridge.api;

import java.util.List;

/** The queues of all ports. */
record QueuesResource(PortControl ports) implements Resource {
    @Override
    public List<Route> routes() {
        return List.of(Route.get("/v1/queues",
            request -> Answer.of(ports.queues(), queues -> Tables.queues(queues, Units.of(request))))
            .query(Units.PARAMETER));
    }
}
